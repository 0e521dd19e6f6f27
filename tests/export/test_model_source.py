"""A model file in a script: a part of it if that changes nothing, else a module of its own."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from tuner.export.script.extract import definitions
from tuner.export.script.model_source import MODULE, embedded_source, inline_source
from tuner.user_code import find_helpers, source_text

SCRIPT = "import keras\nimport numpy as np\n\nEPOCHS = 3\n\ndef train(rows):\n    return sum(rows) + mean(rows)\n"
MODEL = "import keras\n\nWIDTH = 3\n\n\ndef build(inputs):\n    return WIDTH\n"


def test_a_plain_file_is_a_part_of_the_script():
    assert inline_source(MODEL, SCRIPT) == MODEL


def test_what_counts_at_the_top_alone_or_for_a_program_is_left_out():
    """Lines are those that Python counts: a form feed ends none."""
    source = (
        '"""A net."""\n\x0c\nfrom __future__ import annotations\nimport keras\n\x0c\n'
        'TEXT = """\nif __name__ == "__main__":\n'
        '"""\n\ndef build():\n    pass\n\x0c\n\nif __name__ == "__main__":  # by hand\n    raise SystemExit("run")\n'
    )
    text = inline_source(source, SCRIPT)
    assert text is not None
    kept = ast.dump(ast.parse(text))
    assert kept == ast.dump(ast.parse(source.replace("from __future__ import annotations", "").rpartition("\n\nif")[0]))


@pytest.mark.parametrize(
    "source",
    [
        "def train():\n    pass\n",
        "mean = 3\n",
        "EPOCHS: int = 3\n",
        "def sum(x):\n    return 0\n",  # a builtin that the script uses
        "def f():\n    global np\n    np = 3\n",
        "import jax.numpy as np\n",
        "def f():\n    return train(3)\n",
        "if True:\n    rows = EPOCHS = 3\n",
        "for keras in (1, 2):\n    pass\n",
        "x = [EPOCHS := 3]\n",
        "from math import *\n",
        "from __future__ import annotations, division\n",
        "x = 1; import os; from __future__ import annotations\n".replace("x = 1; import os; ", "'a'; "),
        "name = __name__\n",
        "if __name__ == '__main__':\n    x = 1\nelse:\n    x = 2\n",
        "if __name__ != '__main__':\n    x = 2\n",
        "x = globals()\n",
        "class Config:\n    x: int = 3\n",
    ],
)
def test_what_would_do_something_else_there_is_a_module(source):
    ast.parse(source)
    assert inline_source(source, SCRIPT) is None


def test_a_name_inside_a_function_is_its_own():
    assert inline_source("def build(train, rows):\n    mean = EPOCH = 3\n    return mean\n", SCRIPT) is not None


def test_embedded_files_import_each_other_as_in_the_project(tmp_path, monkeypatch):
    files = {
        "nets/own.py": "from nets.parts import blocks\ndef build():\n    return blocks.width(), __name__\n",
        "nets/parts/__init__.py": "",
        "nets/parts/blocks.py": "from ..sizes import SIZE\nQUOTES = '''\"\"\"\n'''\ndef width():\n    return SIZE\n",
        "nets/sizes.py": "# \\\nSIZE = 7  # '\n\x0c\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    helpers = find_helpers(tmp_path, "nets/own.py")
    assert {helper.path for helper in helpers.values()} == {*files} - {"nets/own.py"}
    import tuner

    parts = Path(tuner.__file__).parent / "export" / "script" / "runtime_helpers.py"
    imports, texts = definitions(parts, ["ProjectFiles"])
    text = embedded_source(source_text(tmp_path / "nets/own.py"), "nets/own.py", helpers)
    names: dict = {}
    exec("\n".join(["from __future__ import annotations", *imports, *texts, text]), names)
    monkeypatch.setattr(sys, "meta_path", [names["ProjectFiles"](names["MODULES"]), *sys.meta_path])
    monkeypatch.setattr(sys, "modules", {**sys.modules})
    assert __import__(MODULE).build() == (7, MODULE)

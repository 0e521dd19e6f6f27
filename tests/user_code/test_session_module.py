"""Functions of a notebook or script become a file: with what they use, or a refusal by name."""

from __future__ import annotations

import importlib
import linecache
import runpy
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from notebook_cells import Session

from tuner.errors import ContentError
from tuner.user_code import SessionModule, load, read_definition
from tuner.user_code.references import Reference

PATH = "studies/first.py"


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    session = Session()
    monkeypatch.setitem(sys.modules, "__main__", session.module)
    return session


def text_of(thing: Any, project: Path) -> str:
    """Return the text of the file that holds a function or class."""
    module = SessionModule(project, PATH)
    assert module.refer(thing) == f"{PATH}:{getattr(thing, '__wrapped__', thing).__name__}"
    text = module.text()
    assert text is not None
    return text


def loaded(thing: Any, project: Path) -> Any:
    """Return the function as a worker loads it from the file."""
    (project / "studies").mkdir(exist_ok=True)
    (project / PATH).write_text(text_of(thing, project), encoding="utf-8")
    return load(project, Reference(PATH, getattr(thing, "__wrapped__", thing).__name__))


EVERYTHING = '''
import functools
import math
import numpy as np
import os.path
import xml.etree.ElementTree
from collections import OrderedDict as Ordered
from numpy import exp

WIDTH = 3
NAMES = {"a": [1, 2.5], "b": ("x", None, True)}

def counted(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return ["counted", function(*args, **kwargs)]
    return wrapper

class Base:
    """A base."""
    factor = WIDTH

class Derived(Base):
    def times(self, x):
        return x * self.factor + later(0)

def later(n):
    return n if n == 0 else earlier(n - 1)

def earlier(n):
    return later(n)

twice = later

@counted
def build(x, *, width: int = WIDTH, sum=2):
    """Use everything."""
    first = [len for len in NAMES["a"]]
    tree = xml.etree.ElementTree.fromstring("<a/>")
    text = f"""{width}
 not indented {sum}"""
    return (Derived().times(x), first, tree.tag, text, math.pi, os.path.join("a", "b"), Ordered(a=twice(1)), exp(0.0),
            np.sqrt(4.0), len(NAMES))
'''


def test_a_function_travels_with_all_that_it_uses(session: Session, tmp_path: Path) -> None:
    build = session.run(EVERYTHING)
    assert loaded(build, tmp_path)(2) == build(2)
    text = text_of(build, tmp_path)
    assert text == text_of(build, tmp_path)
    assert "import xml.etree.ElementTree\n" in text
    assert text.index("class Base") < text.index("class Derived")
    assert "from collections import OrderedDict as Ordered\n" in text


def test_a_function_within_another_travels_without_its_indentation(session: Session, tmp_path: Path) -> None:
    session.run('''
def make(width):
    def helper(x):
        return x * width

    if True:
        def build(x):
            """Two lines,
  the second of them hardly indented."""
            text = """
at the margin
            """
# a comment at the margin
            return helper(x), text, build.__doc__
    return build
''')
    build = session.names["make"](5)
    text = text_of(build, tmp_path)
    assert loaded(build, tmp_path)(2) == build(2)
    assert "width = 5\n" in text
    assert "\ndef build(x):\n" in text
    session.run("width = 7\ndef use(x):\n    return build(x), width\n")
    session.names["build"] = build
    with pytest.raises(ContentError, match="'width' means two things in it"):
        text_of(session.names["use"], tmp_path)


def test_attributes_and_annotations_are_kept(session: Session, tmp_path: Path) -> None:
    money = session.run(
        "from __future__ import annotations\n"
        "def money(truth: Unknown, answers, *, price=20.0):\n    return price\n"
        "money.direction = 'minimize'\nmoney.heads = {'binary': 'sigmoid'}\n"
    )
    assert loaded(money, tmp_path)(0, 0) == 20.0
    definition = read_definition(tmp_path, Reference(PATH, "money"))
    assert definition.attributes == {"direction": "minimize", "heads": {"binary": "sigmoid"}}
    assert definition.options == {"price": 20.0}


def test_what_stands_in_a_file_of_the_project_is_named_by_file(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "parts_of_it").mkdir()
    file = tmp_path / "parts_of_it" / "blocks_of_it.py"
    file.write_text("def block(x):\n    return x + 1\n\ndef other(x):\n    return x\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    session.run("from parts_of_it.blocks_of_it import block as piece\nimport parts_of_it.blocks_of_it as pieces")
    block = session.names["piece"]
    assert SessionModule(tmp_path, PATH).refer(block) == "parts_of_it/blocks_of_it.py:block"
    session.run("def build(x):\n    return piece(x) + pieces.other(x)\n")
    text = text_of(session.names["build"], tmp_path)
    assert "from parts_of_it.blocks_of_it import block as piece\n" in text
    assert "import parts_of_it.blocks_of_it as pieces\n" in text
    file.write_text(file.read_text(encoding="utf-8").replace("x + 1", "x + 2"), encoding="utf-8")
    with pytest.raises(ContentError, match=r"source of block \(line 1\) has changed since it was defined"):
        SessionModule(tmp_path, PATH).refer(block)
    del sys.modules["parts_of_it.blocks_of_it"], sys.modules["parts_of_it"]


def test_a_file_that_runs_now_is_not_loaded_by_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "from pathlib import Path\nfrom tuner.user_code import SessionModule\n\ndef build(x):\n    return x\n\n"
        f"found = SessionModule(Path({str(tmp_path)!r}), {PATH!r}).refer(build)\n"
    )
    (tmp_path / "running_now.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert importlib.import_module("running_now").found == f"{PATH}:build"
    del sys.modules["running_now"]
    assert runpy.run_path(str(tmp_path / "running_now.py"))["found"] == f"{PATH}:build"


def test_a_file_that_runs_a_study_is_refused_where_it_is_loaded(tmp_path: Path) -> None:
    text = "import tuner\n\ndef build(x):\n    return x\n\ntuner.run(model=build)\n"
    (tmp_path / "script.py").write_text(text, encoding="utf-8")
    with pytest.raises(ContentError, match=r"\(line 6\).* it runs a study itself: .* if __name__ == \"__main__\""):
        load(tmp_path, Reference("script.py", "build"))


def test_what_stands_in_a_file_elsewhere_is_taken_along(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "far_blocks.py").write_text("STEP = 4\n\ndef block(x):\n    return x + STEP\n")
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))
    project = tmp_path / "project"
    project.mkdir()
    session.run("from far_blocks import block\nimport far_blocks")
    build = session.run("def build(x):\n    return block(x)\n")
    assert loaded(build, project)(1) == 5
    direct = session.run("def direct(x):\n    return far_blocks.block(x)\n")
    with pytest.raises(ContentError, match="module 'far_blocks' .* which workers would not find"):
        text_of(direct, project)
    del sys.modules["far_blocks"]


def test_a_class_without_methods_and_one_with_generated_ones(session: Session, tmp_path: Path) -> None:
    session.run(
        "from dataclasses import dataclass\n@dataclass\nclass Sizes:\n    width: int = 4\nclass Rates:\n    low = 0.1\n"
    )
    build = session.run("def build(x):\n    return Sizes().width + Rates.low + x\n")
    assert loaded(build, tmp_path)(1) == build(1)


REFUSED = [
    (
        "import numpy as np\nweights = np.ones(3)",
        "weights.sum()",
        "'weights' .* which is an array .*column of the data",
    ),
    ("import pandas as pd\nt = pd.DataFrame({'a': [1]})", "len(t)", "'t' .* a pandas table"),
    ("import sys\nlog = sys.__stderr__", "log.name", "'log' .* an open file .* Open it inside"),
    ("import numpy as np\nrng = np.random.default_rng(0)", "rng.normal()", "'rng' .* generator of random numbers"),
    ("act = lambda x: x", "act(1)", "'act' .* a lambda .* def act"),
    ("import functools\ndef p(a): return a\nq = functools.partial(p, 1)", "q()", "'q' .* a partial"),
    ("steps = (n for n in range(3))", "next(steps)", "'steps' .* a generator"),
    ("names = ['a' * 30] * 1000", "names[0]", "'names' .* a list that is long"),
    ("import threading\nlock = threading.Lock()", "lock.locked()", "'lock' .* object of the type lock"),
    ("class A:\n    def f(self): return 1\none = A()", "one.f()", "'one' .* object of the type A"),
    ("from pathlib import Path\nhere = Path('x')", "here.name", "'here' .* a path .* str"),
    ("x = 1", "unknown_name", "uses 'unknown_name' .* not defined"),
    ("class S:\n    def run_line_magic(self, *a): pass\nget_ipython = S().run_line_magic", "get_ipython()", "magic"),
]


@pytest.mark.parametrize(("before", "use", "words"), REFUSED, ids=[words.split()[0] for _, _, words in REFUSED])
def test_what_cannot_travel_is_named(before: str, use: str, words: str, session: Session, tmp_path: Path) -> None:
    session.run(before)
    session.run(f"def helper():\n    return {use}\n")
    build = session.run("def build():\n    return helper()\n")
    with pytest.raises(ContentError, match=words) as caught:
        text_of(build, tmp_path)
    assert "helper uses" in str(caught.value)


def test_a_closure_is_refused_by_name(session: Session, tmp_path: Path) -> None:
    session.run("def make(model):\n    def build(x):\n        return model(x)\n    return build\n")
    with pytest.raises(ContentError, match=r"build uses 'model' \(line 2 of its cell\), which is an object .* object"):
        text_of(session.names["make"](object()), tmp_path)


def test_a_decorator_that_hides_its_function(session: Session, tmp_path: Path) -> None:
    build = session.run(
        "def hiding(f):\n    def wrapper(*a):\n        return f(*a)\n    return wrapper\n"
        "@hiding\ndef build(x):\n    return x\n"
    )
    with pytest.raises(ContentError, match="wrapper uses 'build' by the name 'f' .* Use functools.wraps"):
        SessionModule(tmp_path, PATH).refer(build)


def test_a_source_that_is_not_known(tmp_path: Path) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec("def build(x):\n    return x\n", names)
    with pytest.raises(ContentError, match=r"source of build is not known: .* python -c, or a cell that begins with"):
        SessionModule(tmp_path, PATH).refer(names["build"])


def test_a_default_of_another_day(session: Session, tmp_path: Path) -> None:
    build = session.run("N = 3\ndef build(n=N):\n    return n\n")
    assert loaded(build, tmp_path)() == 3
    session.names["N"] = 5
    with pytest.raises(ContentError, match=r"build\(n=N\) was defined when N was 3, and now it is 5"):
        text_of(build, tmp_path)


def test_a_script_that_was_edited_while_it_runs(tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text("def build(x):\n    return x\n", encoding="utf-8")
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), names)
    assert "return x\n" in text_of(names["build"], tmp_path)
    file.write_text("def build(x):\n    return x * 22\n", encoding="utf-8")
    with pytest.raises(ContentError, match="has changed since it was defined"):
        text_of(names["build"], tmp_path)


def test_a_cell_with_await_beside_a_function(session: Session, tmp_path: Path) -> None:
    source = "def build(x):\n    return x + 1\n"
    build = session.run(source)
    filename = build.__code__.co_filename
    text = source + "await something()\n"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    assert loaded(build, tmp_path)(1) == 2
    awaiting = session.run(textwrap.dedent("async def awaiting(x):\n    return x\n"))
    with pytest.raises(ContentError, match="awaiting is async"):
        text_of(awaiting, tmp_path)

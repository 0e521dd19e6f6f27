"""Put a script together: settings, the model's file as it was, and what trains it."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterable
from pathlib import Path

import tuner
from tuner.content import Reference, find, sha256
from tuner.errors import ContentError, UsageError
from tuner.results.export import Export
from tuner.results.script.extract import bound_by, definitions
from tuner.results.script.head_text import docstring_text, settings_text
from tuner.results.script.pieces import scores_text
from tuner.results.script.training_text import training_text
from tuner.training import LOSSES, METRICS, SCHEDULES

_PACKAGE = Path(tuner.__file__).resolve().parent
_METRICS = _PACKAGE / "training" / "metric_functions.py"
_PARTS = _PACKAGE / "results" / "script" / "parts.py"
_TRAINING = _PACKAGE / "training"
_SCHEDULES = _TRAINING / "schedules"

_RULE = "# " + "-" * 98


def python_script(export: Export, project: Path) -> str:
    """The script.  Making it imports Keras, whose defaults it is compared with.

    Args:
        export: The trial.
        project: Folder that the model file is relative to.

    Raises:
        ContentError: The model file is not there, or is another one than the trial was trained with.
    """
    recipe = export.recipe
    reference = Reference.parse(recipe.model.reference, "build")
    _check_names(reference.function, *recipe.model.options, *recipe.schedule.options)
    model = _model_source(project, reference, recipe.model.sha256)
    imports, copied = _copied(export)
    before = "\n\n\n".join([settings_text(export).strip(), *copied])
    after = training_text(export, reference.function)
    before, after = _apart(model, [before, after])
    needed = sorted({"import argparse", "import os", "import keras", "import numpy as np", *imports})
    return "\n".join(
        [
            docstring_text(export),
            "",
            "from __future__ import annotations",
            "",
            "import os",
            "",
            "# Before Keras is imported; the second as in the study: sums in the same order.",
            'os.environ["KERAS_BACKEND"] = "tensorflow"',
            'os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")',
            'os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")',
            "",
            *(line for line in needed if line != "import os"),
            "",
            before,
            "",
            "",
            _RULE,
            f"# The model: {recipe.model.reference!r} as it was (sha256 {recipe.model.sha256[:12]!r}).",
            _RULE,
            "",
            model.strip("\n"),
            "",
            "",
            _RULE,
            "# Training.",
            _RULE,
            "",
            "",
            after.strip("\n"),
            "",
        ]
    )


def _check_names(*names: str) -> None:
    """Refuse what would be written as code and is no name: a recipe comes from a database, which is data."""
    for name in names:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise UsageError(f"A script needs names of functions and arguments, but the recipe has {name!r}.")


def _model_source(project: Path, reference: Reference, expected: str) -> str:
    """The model's file without what only counts at the top of a file or when it is run as a program."""
    path = find(project, reference.path)
    if sha256(path) != expected:
        raise ContentError(
            f"{reference.path} has changed since the study was started (sha256 {sha256(path)[:12]}, expected "
            f"{expected[:12]}). Put the file back."
        )
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in ast.parse(text).body:
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        program = isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
        if future or program:
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[number] = ""
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines))


def _copied(export: Export) -> tuple[list[str], list[str]]:
    """What the script takes over from our files: import statements and definitions."""
    recipe = export.recipe
    wanted: list[tuple[Path, Iterable[str]]] = [(_METRICS, [METRICS[recipe.metric].name, *_helpers(export)])]
    parts = ["predict", *(["regularize"] if recipe.l1 or recipe.l2 else [])]
    schedule, own_loss = SCHEDULES[recipe.schedule.name], LOSSES[recipe.loss.name].own_class
    if not schedule.constant:
        wanted.append((_SCHEDULES / f"{schedule.name}.py", ["ReduceOnPlateau" if schedule.stateful else schedule.name]))
        parts.append("Plateau" if schedule.stateful else "Rates")
    if own_loss is not None:
        wanted.append((_TRAINING / f"{recipe.loss.name}.py", [own_loss]))
    wanted.append((_PARTS, parts))
    found = [definitions(file, names) for file, names in wanted]
    return [line for imports, _ in found for line in imports], [text for _, texts in found for text in texts]


def _helpers(export: Export) -> list[str]:
    """What makes scores of outputs, where that is more than a formula."""
    return [name for name in ("softmax",) if f"{name}(" in scores_text(export.recipe)]


def _apart(model: str, texts: list[str]) -> list[str]:
    """Our texts with another name for whatever the model's file defines too."""
    theirs = {name: ast.unparse(node) for node in ast.parse(model).body for name in bound_by(node)}
    for node in ast.parse("import argparse\nimport keras\nimport numpy as np\n" + "\n".join(texts)).body:
        for name in bound_by(node):
            if name in theirs and theirs[name] != ast.unparse(node) and not isinstance(node, ast.Import):
                texts = [re.sub(rf"\b{re.escape(name)}\b", f"{name}_of_script", text) for text in texts]
    return texts

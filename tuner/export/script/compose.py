"""Put a script together: settings, the model's file as it was, and what trains it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import tuner
from tuner.catalog import LOOPS, LOSSES, SCHEDULES, Recipe, add_named_user_entries
from tuner.executors import onednn_pays
from tuner.export.exported_recipe import Export
from tuner.export.script.extract import definitions
from tuner.export.script.header import docstring_text, settings_text
from tuner.export.script.literals import comment, docstring, literal
from tuner.export.script.model_source import MODULE, embedded_source, inline_source
from tuner.export.script.recipe_source import scores_text
from tuner.export.script.training_source import training_source
from tuner.export.script.user_code_source import metric_functions, package_imports, user_imports, user_modules
from tuner.results import check_model_code
from tuner.user_code import Helper, Reference, find_file, find_helpers, is_reference, source_text

_CATALOG = Path(tuner.__file__).resolve().parent / "catalog"
_METRICS = _CATALOG / "numpy_metrics.py"
_SCHEDULES = _CATALOG / "schedules"
_LOOP_ARGUMENTS = Path(tuner.__file__).resolve().parent / "engines" / "loop_arguments.py"
_RUNTIME_HELPERS = Path(__file__).resolve().parent / "runtime_helpers.py"

_RULE = "# " + "-" * 98


def python_script(export: Export, project: Path, code: Collection[str] = ()) -> str:
    """Write the script.  Making it imports Keras, whose defaults it is compared with.

    Args:
        export: The trial.
        project: Folder that the model file is relative to.
        code: The model file, if the user names it; see `check_model_code`.

    Raises:
        CodeError: Only the database names the model file.
        ContentError: The model file is not there, or is another one than the trial was trained with.
    """
    recipe = export.recipe
    reference = Reference.parse(recipe.model.reference, "build")
    check_model_code(recipe, project, code)
    add_named_user_entries(project, recipe, code)
    source, helpers = source_text(find_file(project, reference.path)), find_helpers(project, reference.path)
    heading = comment(f"The model: {recipe.model.reference} as it was (sha256 {recipe.model.sha256[:12]}).")
    imports, before = _before(export)
    after = training_source(export, reference.function)
    own = user_modules(recipe, project)
    model = None if helpers or own else inline_source(source, "\n".join([*imports, before, after]))
    if model is None:
        imports, before = _before(export, "ProjectFiles")
        after = training_source(export, f"MODEL.{reference.function}")
        model = _modules_text(recipe, source, reference.path, {**helpers, **own})
        imports = [*imports, "import importlib", "import sys"]
    return "\n".join(
        [
            docstring(docstring_text(export)),
            "",
            *_environment(export),
            "",
            *sorted({line for line in imports if line != "import os"}),
            "",
            before,
            "",
            "",
            _RULE,
            heading,
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


def _environment(export: Export) -> list[str]:
    """Return the first statements of a script."""
    onednn = str(int(onednn_pays(export.input_shape)))
    return [
        "from __future__ import annotations",
        "",
        "import os",
        "",
        "# Before Keras is imported; the second as in the study: sums in the same order.",
        'os.environ["KERAS_BACKEND"] = "tensorflow"',
        f'os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "{onednn}")',
        'os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")',
    ]


def _modules_text(recipe: Recipe, source: str, path: str, helpers: Mapping[str, Helper]) -> str:
    """Return the files of the project as modules, and the imports of what the script calls."""
    return "\n".join(
        [
            "# Files of the project, as modules: name → file, whether it is a package, content.",
            embedded_source(source, path, helpers),
            "",
            "sys.meta_path.insert(0, ProjectFiles(MODULES))",
            f"MODEL = importlib.import_module({literal(MODULE)})",
            *user_imports(recipe),
        ]
    )


def _before(export: Export, *parts: str) -> tuple[list[str], str]:
    """Return what precedes the model: import statements, and settings and definitions, `parts` included."""
    imports, copied = _copied(export, parts)
    own = ["import argparse", "import os", "import keras", "import numpy as np"]
    return [*own, *imports, *package_imports(export.recipe)], "\n\n\n".join([settings_text(export).strip(), *copied])


def _copied(export: Export, more: Iterable[str] = ()) -> tuple[list[str], list[str]]:
    """Return import statements and definitions that are copied from this package."""
    recipe = export.recipe
    wanted: list[tuple[Path, Iterable[str]]] = [(_METRICS, [*metric_functions(recipe), *_helpers(export)])]
    parts = [
        "predict",
        *(["check_file"] if recipe.model.saved_models else []),
        *(["regularize"] if recipe.l1 or recipe.l2 else []),
        *more,
    ]
    imports, standard = [], LOOPS[recipe.loop.name].by_engine
    schedule, own_loss = SCHEDULES[recipe.schedule.name], LOSSES[recipe.loss.name].own_class
    if not schedule.constant:
        if not is_reference(schedule.name):
            names = ["ReduceOnPlateau" if schedule.stateful else schedule.name]
            wanted.append((_SCHEDULES / f"{schedule.name}.py", names))
        if standard:
            parts.append("Plateau" if schedule.stateful else "Rates")
    if not standard:
        imports.append("import contextlib")
        wanted.append((_LOOP_ARGUMENTS, ["LoopData", "LoopRecipe", "LoopRows", "Report", "TrainingEnded"]))
    if own_loss is not None:
        module = "function_loss" if is_reference(recipe.loss.name) else recipe.loss.name
        wanted.append((_CATALOG / f"{module}.py", [own_loss]))
    if is_reference(recipe.clipping.name):
        wanted.append((_CATALOG / "function_clipping.py", ["clip_by"]))
    wanted.append((_RUNTIME_HELPERS, parts))
    found = [definitions(file, names) for file, names in wanted]
    return [*imports, *(line for lines, _ in found for line in lines)], [text for _, texts in found for text in texts]


def _helpers(export: Export) -> list[str]:
    """Return the names of functions that convert outputs to scores, if it takes any."""
    return [name for name in ("softmax",) if f"{name}(" in scores_text(export.recipe)]

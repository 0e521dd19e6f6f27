"""The top of a script: what it is, and its numbers."""

from __future__ import annotations

from tuner.catalog import SCHEDULES, Recipe, Task
from tuner.engines import ENGINES
from tuner.export.exported_recipe import Export
from tuner.export.script import recipe_source
from tuner.export.script.literals import literal


def docstring_text(export: Export) -> str:
    """Return what the script is, and how it is run; as a text, not as Python."""
    recipe, folds = export.recipe, len(export.splits)
    targets = {
        Task.MULTICLASS: f"(n, {export.outputs}), one-hot",
        Task.BINARY: "(n, 1), 0 or 1",
        Task.MULTILABEL: f"(n, {export.outputs}), each 0 or 1",
        Task.REGRESSION: f"(n, {export.outputs}), in the unit of the target",
    }[recipe.task]
    versions = ", ".join(f"{name} {version}" for name, version in export.versions.items())
    width = len(export.splits[0].preprocessing.center)
    ends = "" if folds == 1 else f", each name ending in _1 to _{folds} for the folds"
    seeds = len(export.splits[0].trainings)
    mean = "" if seeds == 1 else f": the mean of trainings with {seeds} seeds,\nall of which the script repeats"
    last = "" if folds == seeds == 1 else " of the last fold" if seeds == 1 else " of the last training"
    files = _loaded_files_note(recipe)
    return f"""Train the setting of trial {export.trial} of the study {literal(export.study)}.

    python THIS_FILE rows.npz                        trains, and prints the score
    python THIS_FILE rows.npz --save model.keras     saves the model{last}, too

Recorded there: {recipe.metric} {export.value:.6g} on the validation part{mean}.
It needs keras, tensorflow and numpy only (the study was run with {versions or "other versions"}).{files}

rows.npz holds x_train, y_train, x_validation, y_validation, and, if rows have weights, weight_train and
weight_validation{ends}:

- x as the data source returns it, texts as numbers, neither imputed nor scaled: {width} numbers along its last axis,
  which become rows of shape {export.input_shape};
- y {targets}.

`tuner export STUDY --format python --data rows.npz` writes the rows of the study. Rows of your own:
numpy.savez("rows.npz", x_train=..., y_train=..., x_validation=..., y_validation=...).

With the rows of the study and the same versions the score is the recorded one to 1e-4 on most machines: elsewhere
sums may be rounded differently.{_rounding_note(export)}
"""


def _rounding_note(export: Export) -> str:
    """Say how sums are rounded as in the study, where it can matter: for images and sequences."""
    if len(export.input_shape) == 1:
        return ""
    return """  So they are with more threads than a worker of the study had, and a network with batch
normalization makes that visible.  With TF_NUM_INTRAOP_THREADS=1 in the environment it is one thread."""


def _loaded_files_note(recipe: Recipe) -> str:
    files = "".join(f"\n    {literal(path)}" for path in recipe.model.saved_models)
    return (
        f"""

The model loads a part that was trained before. Run the script in a folder that holds it under this path:
{files}"""
        if files
        else ""
    )


def _ends_early(export: Export) -> bool:
    """Return whether a training ends before the last planned epoch."""
    return any(
        training.epochs not in (None, export.recipe.epochs) for split in export.splits for training in split.trainings
    )


def settings_text(export: Export) -> str:
    """Return the constants: what was recorded, chosen and fitted."""
    recipe = export.recipe
    by_class = "  # of each class, by its place in CLASSES"
    weights = f"\nCLASS_WEIGHT = {literal(recipe.class_weight)}{by_class}" if recipe.class_weight else ""
    direction = "maximized" if export.direction == "maximize" else "minimized"
    order = ENGINES[export.engine].order
    maximize = f"\nMAXIMIZE = {export.direction == 'maximize'}" if SCHEDULES[recipe.schedule.name].stateful else ""
    planned = "  # that the schedule spans; a training ends with its own" if _ends_early(export) else ""
    seeds = [training.seed for training in export.splits[0].trainings]
    names = recipe_source.names_text(export)
    return f"""RECORDED = {literal(export.value)}  # {recipe.metric} on the validation part, {direction}
TASK = {literal(str(recipe.task))}
SEEDS = {literal(seeds)}  # of initial weights, batch order and dropout: one a training
ORDER = {literal(order)}  # of the rows: "keras" is that of the engine `fit`, "numpy" that of `compiled`
EPOCHS = {literal(recipe.epochs)}{planned}
BATCH_SIZE = {literal(recipe.batch_size)}
LEARNING_RATE = {literal(recipe.learning_rate)}{weights}{maximize}
{_loaded_files_constant(recipe)}
{names}
SHAPE = {literal(tuple(export.splits[0].preprocessing.shape))}  # of one row as the model gets it
# Fitted on the training part{"" if len(export.splits) == 1 else " of each fold"}: x becomes (x - center) / scale.
{recipe_source.fitted_text(export)}

"""


def _loaded_files_constant(recipe: Recipe) -> str:
    files = recipe.model.saved_models
    return f"LOADED = {literal(files)}  # files that the model loads: path → SHA-256\n" if files else ""

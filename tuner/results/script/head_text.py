"""The top of a script: what it is, and its numbers."""

from __future__ import annotations

from tuner.engines import ENGINES
from tuner.results.export import Export
from tuner.results.script import pieces
from tuner.training import SCHEDULES, Task


def docstring_text(export: Export) -> str:
    """What the script is, and how it is run."""
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
    saves = "saves the model, too" if folds == 1 else "saves the model of the last fold, too"
    return f'''"""Train the setting of trial {export.trial} of the study {export.study!r}.

    python THIS_FILE rows.npz                        trains, and prints the score
    python THIS_FILE rows.npz --save model.keras     {saves}

Recorded there: {recipe.metric} {export.value:.6g} on the validation part. It needs keras, tensorflow and numpy only
(the study was run with {versions or "other versions"}).

rows.npz holds x_train, y_train, x_validation, y_validation, and where rows have weights weight_train and
weight_validation{ends}:

- x as the data source gives it, texts as numbers, neither imputed nor scaled: {width} numbers along its last axis,
  which become rows of shape {export.input_shape};
- y {targets}.

`tuner export STUDY --format python --data rows.npz` writes the rows of the study. Rows of your own:
numpy.savez("rows.npz", x_train=..., y_train=..., x_validation=..., y_validation=...).

With the rows of the study and the same versions the score is the recorded one to 1e-4 on most machines: elsewhere
sums may be rounded otherwise.
"""'''


def settings_text(export: Export) -> str:
    """The constants: what was recorded, chosen and fitted."""
    recipe = export.recipe
    weights = f"\nCLASS_WEIGHT = {recipe.class_weight!r}  # of each class by number" if recipe.class_weight else ""
    order = ENGINES[export.engine].order
    maximize = f"\nMAXIMIZE = {export.direction == 'maximize'}" if SCHEDULES[recipe.schedule.name].stateful else ""
    names = pieces.names_text(export)
    return f"""RECORDED = {export.value!r}  # {recipe.metric} on the validation part, {export.direction}d
TASK = {str(recipe.task)!r}
SEED = {recipe.seed}  # of initial weights, batch order and dropout
ORDER = {order!r}  # of the rows: "keras" is that of the engine `fit`, "numpy" that of `compiled`
EPOCHS = {recipe.epochs}
BATCH_SIZE = {recipe.batch_size}
LEARNING_RATE = {recipe.learning_rate!r}{weights}{maximize}

{names}
SHAPE = {tuple(export.splits[0].preprocessing.shape)!r}  # of one row as the model gets it
# Fitted on the training part{"" if len(export.splits) == 1 else " of each fold"}: x becomes (x - center) / scale.
{pieces.fitted_text(export)}

"""

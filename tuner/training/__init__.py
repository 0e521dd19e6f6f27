"""What a training is: its task, its recipe, and the tables of what a recipe can name.

Importing this package imports no Keras: what builds imports it.
Names that are Keras classes or take Keras models are looked up at their first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tuner.training.activations import ACTIVATIONS
from tuner.training.clipping import CLIPPINGS
from tuner.training.dimensions import (
    DIMENSIONS,
    ChoiceDimension,
    NumberDimension,
    choice_dimension,
    number_dimension,
    written_value,
)
from tuner.training.heads import HEADS, head_for, head_warning, scores, second_activation_warning
from tuner.training.initializers import INITIALIZERS, initializer_advice
from tuner.training.losses import LOSSES
from tuner.training.metrics import METRICS, find_metric
from tuner.training.optimizers import OPTIMIZERS
from tuner.training.rates import OBJECTIVE, learning_rates, plateau
from tuner.training.recipe import Choice, ModelChoice, Recipe
from tuner.training.rows import (
    ActivationRow,
    ClippingRow,
    InitializerRow,
    LossRow,
    MetricRow,
    OptimizerRow,
    Option,
    Row,
    ScheduleRow,
)
from tuner.training.schedules import SCHEDULES, ReduceOnPlateau
from tuner.training.task import CLASSIFICATION, EVERY_TASK, Task

if TYPE_CHECKING:
    from tuner.training.assemble import (
        build_model,
        compile_model,
        fit_options,
        initializer_of,
        loss_of,
        optimizer_of,
        own_training,
    )
    from tuner.training.huber import HuberLoss
    from tuner.training.labels import ClassNumbers
    from tuner.training.quantile import QuantileLoss
    from tuner.training.schedule_callback import ScheduleCallback

_NEEDS_KERAS = {
    "build_model": "assemble",
    "compile_model": "assemble",
    "fit_options": "assemble",
    "initializer_of": "assemble",
    "loss_of": "assemble",
    "optimizer_of": "assemble",
    "own_training": "assemble",
    "ClassNumbers": "labels",
    "HuberLoss": "huber",
    "QuantileLoss": "quantile",
    "ScheduleCallback": "schedule_callback",
}


def __getattr__(name: str) -> Any:
    if name not in _NEEDS_KERAS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_NEEDS_KERAS[name]}"), name)


__all__ = [
    "ACTIVATIONS",
    "CLASSIFICATION",
    "CLIPPINGS",
    "DIMENSIONS",
    "EVERY_TASK",
    "HEADS",
    "INITIALIZERS",
    "HuberLoss",
    "LOSSES",
    "METRICS",
    "OPTIMIZERS",
    "SCHEDULES",
    "ActivationRow",
    "Choice",
    "ChoiceDimension",
    "ClippingRow",
    "InitializerRow",
    "LossRow",
    "MetricRow",
    "ModelChoice",
    "NumberDimension",
    "Option",
    "OptimizerRow",
    "Recipe",
    "ReduceOnPlateau",
    "Row",
    "ScheduleRow",
    "Task",
    "choice_dimension",
    "find_metric",
    "head_for",
    "head_warning",
    "initializer_advice",
    "number_dimension",
    "scores",
    "second_activation_warning",
    "OBJECTIVE",
    "ClassNumbers",
    "QuantileLoss",
    "ScheduleCallback",
    "build_model",
    "compile_model",
    "fit_options",
    "initializer_of",
    "loss_of",
    "optimizer_of",
    "own_training",
    "learning_rates",
    "plateau",
    "written_value",
]

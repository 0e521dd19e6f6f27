"""What a training is: its task, its recipe, and the tables of what a recipe can name.

Importing this package imports neither Keras nor scikit-learn: both are imported by what builds or measures.
"""

from tuner.training.activations import ACTIVATIONS
from tuner.training.clipping import CLIPPINGS
from tuner.training.dimensions import DIMENSIONS, ChoiceDimension, NumberDimension
from tuner.training.heads import HEADS, head_for, head_warning, scores
from tuner.training.initializers import INITIALIZERS, initializer_advice
from tuner.training.losses import LOSSES
from tuner.training.metrics import METRICS, find_metric
from tuner.training.optimizers import OPTIMIZERS
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

__all__ = [
    "ACTIVATIONS",
    "CLASSIFICATION",
    "CLIPPINGS",
    "DIMENSIONS",
    "EVERY_TASK",
    "HEADS",
    "INITIALIZERS",
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
    "find_metric",
    "head_for",
    "head_warning",
    "initializer_advice",
    "scores",
]

from .activations import ACTIVATIONS
from .build import build_model, compile_model, fit_options, initializer_of, loss_of, optimizer_of, own_training
from .clipping import CLIPPINGS
from .dimensions import DIMENSIONS, ChoiceDimension, NumberDimension, choice_dimension, number_dimension, written_value
from .entries import MetricRow, OptimizerRow, Option, Row
from .initializers import INITIALIZERS, initializer_advice
from .integer_labels import ClassNumbers
from .losses import LOSSES
from .metrics import METRICS, find_metric
from .optimizers import OPTIMIZERS
from .output_activations import HEADS, head_for, head_warning, scores, second_activation_warning
from .quantile import QuantileLoss
from .recipe import Choice, ModelChoice, Recipe
from .schedule_callback import ScheduleCallback
from .schedule_rates import OBJECTIVE, learning_rates, plateau
from .schedules import SCHEDULES
from .schedules.reduce_on_plateau import ReduceOnPlateau
from .task import EVERY_TASK, Task

__all__ = [
    "ACTIVATIONS",
    "CLIPPINGS",
    "DIMENSIONS",
    "EVERY_TASK",
    "HEADS",
    "INITIALIZERS",
    "LOSSES",
    "METRICS",
    "OBJECTIVE",
    "OPTIMIZERS",
    "SCHEDULES",
    "Choice",
    "ChoiceDimension",
    "ClassNumbers",
    "MetricRow",
    "ModelChoice",
    "NumberDimension",
    "OptimizerRow",
    "Option",
    "QuantileLoss",
    "Recipe",
    "ReduceOnPlateau",
    "Row",
    "ScheduleCallback",
    "Task",
    "build_model",
    "choice_dimension",
    "compile_model",
    "find_metric",
    "fit_options",
    "head_for",
    "head_warning",
    "initializer_advice",
    "initializer_of",
    "learning_rates",
    "loss_of",
    "number_dimension",
    "optimizer_of",
    "own_training",
    "plateau",
    "scores",
    "second_activation_warning",
    "written_value",
]

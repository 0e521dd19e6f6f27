from .activations import ACTIVATIONS
from .build import (
    build_model,
    compile_model,
    custom_train_method,
    fit_options,
    make_initializer,
    make_loss,
    make_optimizer,
    optimizer_arguments,
    row_options,
    unseeded_initializer,
)
from .buildable_recipe import BuildableRecipe
from .clipping import CLIPPINGS
from .dimensions import (
    DIMENSIONS,
    ChoiceDimension,
    NumberDimension,
    choice_dimension,
    number_dimension,
    number_words,
    written_value,
    written_values,
)
from .entries import Entry, MetricEntry, OptimizerEntry, Option
from .epoch_selection import EpochSelector, KeptEpoch, TrainingLength
from .initializers import INITIALIZERS, initializer_advice
from .integer_labels import IntegerLabelLoss
from .last_layer import is_builtin_layer, output_activation, output_layer
from .loops import LOOPS
from .losses import LOSSES
from .metrics import METRICS, find_metric
from .objective import Objective
from .optimizers import OPTIMIZERS, user_optimizer_arguments
from .output_activations import HEADS, ending_conflict, head_warning, resolve_head, second_activation, to_scores
from .quantile import QuantileLoss
from .recipe import Choice, ModelChoice, Recipe
from .recipe_validation import LARGEST_SEED, MOST_EPOCHS
from .schedule_callback import ScheduleCallback
from .schedule_rates import OBJECTIVE, learning_rates, plateau_state
from .schedules import SCHEDULES
from .schedules.reduce_on_plateau import ReduceOnPlateau
from .seeds import seed_from
from .task import EVERY_TASK, Task
from .tensorflow_import import import_tensorflow, silence_tensorflow, silence_tensorflow_import
from .trial_state import FINISHED_STATES, TrialState
from .user_checks import try_user_code
from .user_entries import (
    add_named_user_entries,
    add_user_entries,
    add_user_entry,
    read_user_entry,
    user_references,
)
from .user_entry_readers import METRIC
from .user_metric import UserMetric, read_only
from .user_object import UserObject

__all__ = [
    "import_tensorflow",
    "silence_tensorflow",
    "silence_tensorflow_import",
    "ACTIVATIONS",
    "CLIPPINGS",
    "DIMENSIONS",
    "EVERY_TASK",
    "FINISHED_STATES",
    "HEADS",
    "INITIALIZERS",
    "LARGEST_SEED",
    "LOOPS",
    "LOSSES",
    "METRIC",
    "METRICS",
    "MOST_EPOCHS",
    "OBJECTIVE",
    "OPTIMIZERS",
    "SCHEDULES",
    "BuildableRecipe",
    "Choice",
    "ChoiceDimension",
    "Entry",
    "EpochSelector",
    "IntegerLabelLoss",
    "KeptEpoch",
    "MetricEntry",
    "ModelChoice",
    "NumberDimension",
    "Objective",
    "OptimizerEntry",
    "Option",
    "QuantileLoss",
    "Recipe",
    "ReduceOnPlateau",
    "ScheduleCallback",
    "Task",
    "TrainingLength",
    "TrialState",
    "UserMetric",
    "UserObject",
    "add_named_user_entries",
    "add_user_entries",
    "add_user_entry",
    "build_model",
    "choice_dimension",
    "compile_model",
    "custom_train_method",
    "ending_conflict",
    "find_metric",
    "fit_options",
    "head_warning",
    "initializer_advice",
    "is_builtin_layer",
    "learning_rates",
    "make_initializer",
    "make_loss",
    "make_optimizer",
    "number_dimension",
    "number_words",
    "optimizer_arguments",
    "output_activation",
    "output_layer",
    "plateau_state",
    "read_only",
    "read_user_entry",
    "resolve_head",
    "row_options",
    "second_activation",
    "seed_from",
    "to_scores",
    "try_user_code",
    "unseeded_initializer",
    "user_optimizer_arguments",
    "user_references",
    "written_value",
    "written_values",
]

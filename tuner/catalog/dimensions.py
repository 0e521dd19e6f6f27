"""The search dimensions of `[search]` that are the same for each model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tuner.catalog.activations import ACTIVATIONS
from tuner.catalog.clipping import CLIPPINGS
from tuner.catalog.entries import Entry
from tuner.catalog.initializers import INITIALIZERS
from tuner.catalog.loops import LOOPS
from tuner.catalog.losses import LOSSES
from tuner.catalog.optimizers import OPTIMIZERS
from tuner.catalog.schedules import SCHEDULES
from tuner.catalog.task import Task
from tuner.registry import Registry
from tuner.space import Categorical, Float, Int, Parameter, Value


@dataclass(frozen=True)
class ChoiceDimension:
    """A dimension whose values are the rows of a table.

    Attributes:
        name: The key in `[search]`; the options of a choice are in `[search.NAME_options.CHOICE]`.
        table: The rows.
        default: The row if `[search]` does not name the dimension; None if the task decides.
        summary: One line of explanation.
        by_default: Whether a study without `[search]` searches it.
        in_program: Whether a program of the compiled engine is made for one row; if not, what follows from the row is
            given to the program as numbers (rates, initial weights).
        own: Dimensions of numbers that a row may have of its own, in `[search.NAME_options.ROW]`.
        of_model: Whether the model's function gets it, and must take it by keyword.
    """

    name: str
    table: Registry[Entry]
    default: str | None
    summary: str
    by_default: bool = True
    in_program: bool = field(kw_only=True)
    own: tuple[str, ...] = ()
    of_model: bool = False


@dataclass(frozen=True)
class NumberDimension:
    """A dimension of numbers.

    Attributes:
        name: The key in `[search]`.
        allowed: Contains every valid value and bound.
        auto: What "auto" searches; None if the chosen optimizers decide.
        default: The value if `[search]` does not name it; None leaves it to Keras.
        summary: One line of explanation, with the unit.
        default_from_row: The default of a row of `choice`, if it depends on the row.
        words: Words that mean a number ("balanced").
        by_default: Whether a study without `[search]` searches it.
        in_program: Whether a program of the compiled engine is made for one value; if not, it is a number that the
            program is given.
        choice: Name of the choice whose row decides whether, and how, it counts; None if it always counts.
        taken_by: Whether a row of that choice takes it.
        reason: Why a row does not: "it takes none".
        auto_from_row: The range that a row proposes for "auto"; the union over all chosen rows is searched.
        counts_rows: Whether it is a number of rows, bounded by the size of the training part.
        of_model: Whether it is a keyword of the model's function.
        in_recipe: Whether a recipe holds its value, and not what follows from it.
        tasks: The tasks for which it is defined.
        task_rule: Why only for these.
        any_loop: Whether it counts in a training loop of the user as well.
    """

    name: str
    allowed: Parameter
    auto: Parameter | None
    default: Value
    summary: str
    words: Mapping[str, float] = field(default_factory=dict)
    by_default: bool = False
    in_program: bool = field(kw_only=True)
    choice: str | None = None
    taken_by: Callable[[Any], bool] = lambda row: True
    reason: str = ""
    auto_from_row: Callable[[Any], Parameter | None] | None = None
    default_from_row: Callable[[Any], Value] | None = None
    counts_rows: bool = False
    of_model: bool = False
    in_recipe: bool = True
    tasks: tuple[Task, ...] = tuple(Task)
    task_rule: str = ""
    any_loop: bool = True


DIMENSIONS: Registry[ChoiceDimension | NumberDimension] = Registry(
    "search dimension",
    ChoiceDimension(
        "loss", LOSSES, None, "what training minimizes; the objective does not depend on it", in_program=True
    ),
    ChoiceDimension(
        "optimizer",
        OPTIMIZERS,
        "adam",
        "how weights follow the gradient",
        in_program=True,
        own=("learning_rate", "momentum", "weight_decay"),
    ),
    NumberDimension(
        "learning_rate",
        Float(1e-12, 1e3),
        None,
        None,
        "base rate of the optimizer; if it is not searched, Keras's default for the optimizer",
        by_default=True,
        in_program=False,
        choice="optimizer",
        auto_from_row=lambda row: row.learning_rates,
        default_from_row=lambda row: row.learning_rate,
    ),
    NumberDimension(
        "momentum",
        Float(0.0, 0.9999),
        Float(0.0, 0.99),
        None,
        "momentum term (SGD, RMSprop, Muon: momentum; Adam family, Lion: beta_1); inactive without one",
        by_default=True,
        in_program=False,
        choice="optimizer",
        taken_by=lambda row: row.momentum is not None,
        reason="it has no momentum term",
    ),
    ChoiceDimension(
        "schedule", SCHEDULES, "constant", "how the learning rate changes from step to step", in_program=False
    ),
    ChoiceDimension(
        "initializer",
        INITIALIZERS,
        "glorot_uniform",
        "distribution of the initial weights",
        in_program=False,
        of_model=True,
    ),
    ChoiceDimension(
        "activation", ACTIVATIONS, "relu", "activation of the hidden layers", in_program=True, of_model=True
    ),
    NumberDimension(
        "batch_size",
        Int(1, 1_000_000),
        Categorical((16, 32, 64, 128)),
        32,
        "rows per step",
        by_default=True,
        in_program=True,
        counts_rows=True,
    ),
    NumberDimension(
        "weight_decay",
        Float(0.0, 10.0),
        Float(1e-6, 1e-1, log=True),
        None,
        "decoupled weight decay of the optimizer",
        in_program=False,
        choice="optimizer",
    ),
    NumberDimension(
        "ema_momentum",
        Float(0.0, 0.99999),
        Categorical((0.0, 0.9, 0.99, 0.999)),
        None,
        "momentum of the moving average of the weights, which the model uses in their place; 0 for none",
        in_program=False,
        choice="optimizer",
        any_loop=False,  # only the engines know when to put the averages in place
    ),
    NumberDimension(
        "l1",
        Float(0.0, 100.0),
        Float(1e-7, 1e-2, log=True),
        0.0,
        "penalty l1 * sum |w| on the kernels",
        in_program=False,
    ),
    NumberDimension(
        "l2",
        Float(0.0, 100.0),
        Float(1e-7, 1e-2, log=True),
        0.0,
        "penalty l2 * sum w² on the kernels",
        in_program=False,
    ),
    NumberDimension(
        "dropout",
        Float(0.0, 0.999),
        Float(0.0, 0.5),
        None,
        "share of units dropped; needs a model that takes `dropout`",
        in_program=False,
        of_model=True,
        in_recipe=False,
    ),
    ChoiceDimension("clipping", CLIPPINGS, "none", "how gradients are clipped", by_default=False, in_program=True),
    NumberDimension(
        "label_smoothing",
        Float(0.0, 0.999),
        Float(0.0, 0.2),
        0.0,
        "share of each target spread over all classes; inactive for losses without it",
        in_program=False,
        choice="loss",
        taken_by=lambda row: row.label_smoothing,
        reason="it takes none",
    ),
    NumberDimension(
        "class_weight",
        Float(0.0, 10.0),
        Float(0.0, 1.0),
        0.0,
        "exponent of the class weights (rows / (classes * rows of the class)) ** exponent",
        words={"none": 0.0, "balanced": 1.0},
        in_program=False,
        in_recipe=False,
        tasks=(Task.MULTICLASS, Task.BINARY),
        task_rule="class weights need one class per row",
    ),
    ChoiceDimension(
        "loop",
        LOOPS,
        "standard",
        "what takes the training steps: the engine, or your own training loop",
        by_default=False,
        in_program=True,
    ),
)


def number_dimension(name: str) -> NumberDimension:
    """Return the dimension of numbers with this name."""
    dimension = DIMENSIONS[name]
    assert isinstance(dimension, NumberDimension)
    return dimension


def choice_dimension(name: str) -> ChoiceDimension:
    """Return the dimension of choices with this name."""
    dimension = DIMENSIONS[name]
    assert isinstance(dimension, ChoiceDimension)
    return dimension


def written_value(name: str, value: Any) -> Any:
    """Return a value as the study file writes it: a word if the number has one ("balanced")."""
    words = number_words(name) if isinstance(value, int | float) else {}
    return next((word for word, number in words.items() if number == value), value)


def written_values(name: str, text: str) -> str:
    """Return the text of what a dimension may be, `0.0 | 1.0`, as the study file writes it: `none | balanced`."""
    written = {str(number): word for word, number in number_words(name).items()}
    return " | ".join(written.get(value, value) for value in text.split(" | "))


def number_words(name: str) -> Mapping[str, float]:
    """Return the words that mean a number of a dimension: none if it has no words, or is not of the table."""
    dimension = DIMENSIONS.get(name)
    return dimension.words if isinstance(dimension, NumberDimension) else {}

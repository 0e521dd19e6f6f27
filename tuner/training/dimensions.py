"""The search dimensions of `[search]` that are the same for each model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tuner.registry import Table
from tuner.space import Categorical, Float, Int, Parameter, Value
from tuner.training.activations import ACTIVATIONS
from tuner.training.clipping import CLIPPINGS
from tuner.training.initializers import INITIALIZERS
from tuner.training.losses import LOSSES
from tuner.training.optimizers import OPTIMIZERS
from tuner.training.rows import Row
from tuner.training.schedules import SCHEDULES


@dataclass(frozen=True)
class ChoiceDimension:
    """A dimension whose values are the rows of a table.

    Attributes:
        name: The key in `[search]`; the options of a choice stand in `[search.NAME_options.CHOICE]`.
        table: The rows.
        default: The row taken where `[search]` does not name the dimension; None where the task decides.
        summary: One line of explanation.
        by_default: Whether a study without `[search]` searches it.
    """

    name: str
    table: Table[Row]
    default: str | None
    summary: str
    by_default: bool = True


@dataclass(frozen=True)
class NumberDimension:
    """A dimension of numbers.

    Attributes:
        name: The key in `[search]`.
        allowed: Every value and bound must lie in it.
        auto: What "auto" searches; None where the chosen optimizers decide.
        default: The value where `[search]` does not name it; None leaves it to Keras.
        summary: One line of explanation, with the unit.
        words: Words that stand for a number ("balanced").
        by_default: Whether a study without `[search]` searches it.
    """

    name: str
    allowed: Parameter
    auto: Parameter | None
    default: Value
    summary: str
    words: Mapping[str, float] = field(default_factory=dict)
    by_default: bool = False


DIMENSIONS: Table[ChoiceDimension | NumberDimension] = Table(
    "search dimension",
    ChoiceDimension("loss", LOSSES, None, "what training minimises; the objective does not depend on it"),
    ChoiceDimension("optimizer", OPTIMIZERS, "adam", "how weights follow the gradient"),
    NumberDimension(
        "learning_rate",
        Float(1e-12, 1e3),
        None,
        None,
        "base rate of the optimizer; where it is not searched, Keras's default of that optimizer",
        by_default=True,
    ),
    NumberDimension(
        "momentum",
        Float(0.0, 0.9999),
        Float(0.0, 0.99),
        None,
        "momentum term (SGD, RMSprop, Muon: momentum; Adam family, Lion: beta_1); inactive where there is none",
        by_default=True,
    ),
    ChoiceDimension("schedule", SCHEDULES, "constant", "how the learning rate changes from step to step"),
    ChoiceDimension("initializer", INITIALIZERS, "glorot_uniform", "distribution of the initial weights"),
    ChoiceDimension("activation", ACTIVATIONS, "relu", "activation of the hidden layers"),
    NumberDimension(
        "batch_size", Int(1, 1_000_000), Categorical((16, 32, 64, 128)), 32, "rows a step", by_default=True
    ),
    NumberDimension(
        "weight_decay", Float(0.0, 10.0), Float(1e-6, 1e-1, log=True), None, "decoupled weight decay of the optimizer"
    ),
    NumberDimension("l1", Float(0.0, 100.0), Float(1e-7, 1e-2, log=True), 0.0, "penalty l1 * sum |w| on the kernels"),
    NumberDimension("l2", Float(0.0, 100.0), Float(1e-7, 1e-2, log=True), 0.0, "penalty l2 * sum w² on the kernels"),
    NumberDimension(
        "dropout",
        Float(0.0, 0.999),
        Float(0.0, 0.5),
        None,
        "share of units dropped; needs a model that takes `dropout`",
    ),
    ChoiceDimension("clipping", CLIPPINGS, "none", "how gradients are clipped", by_default=False),
    NumberDimension("label_smoothing", Float(0.0, 0.999), Float(0.0, 0.2), 0.0, "inactive where the loss takes none"),
    NumberDimension(
        "class_weight",
        Float(0.0, 10.0),
        Float(0.0, 1.0),
        0.0,
        "exponent of the class weights (rows / (classes * rows of the class)) ** exponent",
        words={"none": 0.0, "balanced": 1.0},
    ),
)

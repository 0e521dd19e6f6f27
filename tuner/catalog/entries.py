"""Entries of the registries: options, ranges, source and builder of an alternative.

Entries are read without TensorFlow (by `tuner check`, by the coordinator): their `build` functions import Keras when
they are called.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tuner.catalog.objective import Objective
from tuner.catalog.task import EVERY_TASK, Task
from tuner.space import Parameter, Value


@dataclass(frozen=True)
class Option:
    """One option of one choice (`delta` of `huber`).

    Attributes:
        name: The key in the study file.
        default: Its value if the study does not set it.
        auto: What is searched for "auto"; None if nothing is.
        allowed: Contains every value, bound and choice that a study may set; None for any plain value.
        summary: One line of explanation, with the unit.
    """

    name: str
    default: Value
    auto: Parameter | None
    allowed: Parameter | None
    summary: str


@dataclass(frozen=True)
class Entry:
    """The fields of every row.

    Attributes:
        name: The name in the study file; Keras's own if it has one.
        summary: One line of explanation.
        source: Paper or documentation.
        build: Makes the Keras object (or says how); the arguments are those of the family.
        options: Its own options, in the order of the docs.
        default: Whether "auto" searches it, if that does not depend on the task.
    """

    name: str
    summary: str
    source: str
    build: Callable[..., Any]
    options: tuple[Option, ...] = ()
    default: bool = field(default=False, kw_only=True)

    def option(self, name: str) -> Option | None:
        """Return the option with this name, or None."""
        return next((option for option in self.options if option.name == name), None)

    @property
    def allowed_tasks(self) -> frozenset[Task]:
        """The tasks that may use it at all."""
        return EVERY_TASK

    @property
    def tasks(self) -> frozenset[Task]:
        """The tasks that may use it without a warning."""
        return self.allowed_tasks

    def searched_by_default(self, task: Task | None) -> bool:
        """Return whether "auto" searches it for a task; None if the task is unknown."""
        return self.default

    def defaults(self) -> dict[str, Value]:
        """Map each option to its default."""
        return {option.name: option.default for option in self.options}


@dataclass(frozen=True)
class LossEntry(Entry):
    """A loss.

    `build(**options, label_smoothing=…)` returns a `keras.losses.Loss` over `(y_true, y_pred)` of the shapes in
    `Task`, where `y_pred` is the output of the head; `label_smoothing` is passed only if the row takes it.

    Attributes:
        heads: The output activation that agrees with the loss, for each task that may use it.
        warned: Tasks for which the pair is known to train badly, with the reason: possible only by name.
        default_for: Tasks whose default search includes it.
        label_smoothing: Whether it takes `label_smoothing`.
        takes_any_output: Whether it is defined for outputs that are not probabilities, though its head returns those.
        own_class: Name of its class if it is ours, in the module with the name of the row (of functions of user code
            in `function_loss`); exported scripts copy it.
    """

    heads: Mapping[Task, str] = field(default_factory=dict)
    warned: Mapping[Task, str] = field(default_factory=dict)
    default_for: frozenset[Task] = frozenset()
    label_smoothing: bool = False
    takes_any_output: bool = False
    own_class: str | None = None

    @property
    def allowed_tasks(self) -> frozenset[Task]:
        """The tasks that have a head for it."""
        return frozenset(self.heads)

    @property
    def tasks(self) -> frozenset[Task]:
        """Those that are not warned of."""
        return frozenset(self.heads) - frozenset(self.warned)

    def searched_by_default(self, task: Task | None) -> bool:
        """Return whether "auto" searches it for a task."""
        return task in self.default_for


@dataclass(frozen=True)
class OptimizerEntry(Entry):
    """An optimizer.

    `build(learning_rate, momentum, weight_decay, clipping, **options)` returns a `keras.optimizers.Optimizer`;
    `momentum` and `weight_decay` may be None (Keras's own default), `clipping` is `{}` or one Keras keyword.

    Attributes:
        learning_rate: Keras's default, used if the study does not search it.
        learning_rates: The range searched by default.
        momentum: The Keras keyword of its momentum term ("momentum", "beta_1"), or None.
        keywords: Keras's attributes that hold its momentum term and weight decay; each step reads them.
        per_tensor: Whether the step of one element depends on others of its weight, as by a norm or a product of
            matrices.  If not, all weights can be updated as one vector.
        linear: Whether the gradient enters a step through linear terms alone, of which any function may be taken (of
            lion the sign).  Then the rows of a sparse gradient may repeat: they come to the same as their sum.
        squares: Tells from the options whether it enters through linear terms and `keras.ops.square(gradient)` alone.
            Then their sum and the sum of their squares are enough: Keras squares each row by itself.
        proportional: Whether a step is proportional to the gradient; then momentum makes steps longer.
    """

    per_tensor: bool = field(kw_only=True)
    linear: bool = field(kw_only=True)
    squares: Callable[[Mapping[str, Any]], bool] = field(default=lambda options: False, kw_only=True)
    learning_rate: float = 1e-3
    learning_rates: Parameter | None = None
    momentum: str | None = None
    keywords: tuple[str, ...] = ()
    proportional: bool = False


@dataclass(frozen=True)
class ScheduleEntry(Entry):
    """A schedule: a pure function (step, total steps, base rate) → rate.

    `build(steps, total_steps, base, **options)` with `steps` an integer array of shape `(k,)` returns the
    learning rates of these steps, float64, shape `(k,)`.  For a `stateful` one (reduce_on_plateau)
    `build(base, maximize, **options)` returns a state machine instead: see `catalog/schedules`.

    Attributes:
        stateful: Whether the rate depends on what was measured, not on the step alone.
        constant: Whether the rate never changes.
    """

    stateful: bool = False
    constant: bool = False


@dataclass(frozen=True)
class InitializerEntry(Entry):
    """A weight initializer: `build(**options)` returns a `keras.initializers.Initializer` without a seed.

    Attributes:
        suits: The activations its variance was derived for; empty if for none in particular.
    """

    suits: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ActivationEntry(Entry):
    """An activation of the hidden layers: `build()` returns its name in Keras."""


@dataclass(frozen=True)
class ClippingEntry(Entry):
    """A way to clip gradients: `build(**options)` returns keyword arguments of a Keras optimizer.

    Attributes:
        load: Returns a function of user code, `(gradients, weights, **options)` → gradients; `build` then returns none.
        per_tensor: As `OptimizerEntry.per_tensor`.
        linear: Whether gradients stay as they are.
    """

    per_tensor: bool = field(kw_only=True)
    linear: bool = field(kw_only=True)
    load: Callable[[], Callable[..., Any]] | None = None


@dataclass(frozen=True)
class LoopEntry(Entry):
    """A training loop: `build()` returns the function, or None if the engine of the study takes the steps.

    Attributes:
        by_engine: Whether it does.
    """

    by_engine: bool = False


@dataclass(frozen=True)
class MetricEntry:
    """An objective, measured on the whole validation part; it never depends on the loss that was trained.

    Attributes:
        direction: "maximize" or "minimize".
        function: Computes it, as `numpy_metrics` says; `compute` checks its arguments first.
        tasks: The tasks it is defined for.
        default_for: The tasks whose default objective it is.
        best: The best possible value.
        worst: The worst possible value; infinite if it has no bound.
        alias: Other names under which people look for it ("mae").
        proportion: The tasks for which it is the share of the rows that are answered right, each wholly or not at all.
        relative: Whether it divides by the target, which then must not be 0.
        absolute: Whether it is of |error|, which the median answers best, and not the mean.
    """

    name: str
    direction: str
    summary: str
    source: str
    function: Callable[..., float]
    tasks: frozenset[Task] = EVERY_TASK
    default_for: frozenset[Task] = frozenset()
    best: float = 0.0
    worst: float = math.inf
    alias: tuple[str, ...] = ()
    proportion: frozenset[Task] = frozenset()
    relative: bool = False
    absolute: bool = False

    @property
    def objective(self) -> Objective:
        """The metric with its direction."""
        return Objective(self.name, self.direction)

    def compute(self, y_true: Any, scores: Any, weight: Any = None, task: Task | None = None) -> float:
        """Compute the metric.

        Args:
            y_true: Targets of the shape in `Task`.
            scores: For classification in [0, 1], with the decision at 0.5 or arg max; for regression predictions in the
                unit of the target (`tuner.catalog.to_scores` makes them from a model's outputs).
            weight: Of the rows, shape `(n,)`, or None.
            task: Tells classes from labels, whose targets have the same shape: pass it wherever it is known.  Without
                it a matrix of targets is taken for classes if each row sums to 1.

        Returns:
            NaN if a score is not finite, if no row has a weight, or if the metric is not defined on these targets.

        Raises:
            ValueError: Targets and scores differ in shape.
        """
        truth, given = _columns(y_true), _columns(scores)
        if truth.shape != given.shape:
            raise ValueError(f"targets and scores must have the same shape, but got {truth.shape} and {given.shape}")
        rows = None if weight is None else np.asarray(weight, dtype=np.float64).reshape(-1)
        if not np.isfinite(given).all() or (rows is not None and not rows.any()):
            return math.nan
        return float(self.function(truth, given, rows, str(task or _guess_task(truth))))


def _columns(values: Any) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    return array.reshape(-1, 1) if array.ndim == 1 else array


def _guess_task(truth: np.ndarray) -> Task:
    """Guess the classification task from targets; used only if the caller does not know it."""
    if truth.shape[1] == 1:
        return Task.BINARY
    return Task.MULTICLASS if np.all(truth.sum(axis=1) == 1.0) else Task.MULTILABEL

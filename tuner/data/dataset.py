"""What the data become: parts, splits, and the facts about them.

Notation: n rows, d columns (the length of the last axis of the features), outputs as in `Task`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tuner.catalog import Task

if TYPE_CHECKING:
    from tuner.data.fitted_preprocessing import Preprocessing

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Subset:
    """Some of the rows, ready for training.

    Attributes:
        x: Features, float32, shape `(n, *input_shape)`.
        y: Targets in the canonical form of `Task`, float32, shape `(n, outputs)`.
        weight: Sample weights, float32, shape `(n,)`; None if the data have none.
        units: Which rows depend on each other, as those of one patient do: they have the same number, int64, shape
            `(n,)`; None if each row stands for itself.
    """

    x: Array
    y: Array
    weight: Array | None = None
    units: Array | None = None

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Split:
    """A training part and the part that it is measured on.

    The targets of both parts are scaled: `y = (target - target_center) / target_scale`, with 0 and 1 where nothing is
    scaled.  Metrics are in the unit of the target: they compare `unscale(predictions)` with `truth`.

    Attributes:
        train: Rows to train on, in the order of the source.
        validation: Rows to measure on, in the order of the source.
        target_center, target_scale: float64, shape `(outputs,)`.
        preprocessing: What was fitted on `train`; None for a split that was made by hand.
        validation_target: Targets of `validation` as the source gives them, float64, shape `(n, outputs)`; None if
            they are to be unscaled, which is exact to float32 only: 0 becomes 1e-9.
    """

    train: Subset
    validation: Subset
    target_center: Array
    target_scale: Array
    preprocessing: Preprocessing | None = None
    validation_target: Array | None = None

    @property
    def truth(self) -> Array:
        """Targets of `validation` in their own unit, float64, shape `(n, outputs)`."""
        return self.unscale(self.validation.y) if self.validation_target is None else self.validation_target

    def unscale(self, y: Array) -> Array:
        """Scaled targets or predictions, shape `(n, outputs)`, in the unit of the target; float64."""
        return np.asarray(y, np.float64) * self.target_scale + self.target_center


@dataclass(frozen=True)
class HeldOut(Split):
    """A split whose validation part is the test part.

    Attributes:
        sample: Some rows outside the test part, encoded, but neither imputed nor scaled; shape `(n, ..., d)`.
    """

    sample: Array = field(default_factory=lambda: np.empty((0, 1)))


@dataclass(frozen=True)
class DataFacts:
    """What was found in the data.

    Attributes:
        task: The task found, or stated.
        input_shape: Shape of one row of features, without the batch.
        outputs: Number of raw outputs a model needs.
        classes: Names of the classes (of the labels for multi-label), in the order of the outputs; two for binary,
            of which the second is the positive one; none for regression.
        features: Names of the columns, possibly none.
        rows: Number of rows under "train", "validation" and "test"; of the first split where there are folds.
        class_counts: Rows of each class (rows with each label) in the training part of the first split; none for
            regression.
        sha256: Hash of the values of features, targets and weights, hexadecimal.
        notes: Sentences about what was done to the data.
        zero_targets: Validation rows of the first split with a target of 0; none for classification.
        linearly_separable: Whether a linear discriminant answers all validation rows of all splits right; None if the
            targets are no classes, or nobody looked.
        advice: Sentences on how the rows are split, each after the key of `[data]` that it concerns; none if nobody
            looked for any.
    """

    task: Task
    input_shape: tuple[int, ...]
    outputs: int
    classes: tuple[str, ...]
    features: tuple[str, ...]
    rows: Mapping[str, int]
    class_counts: tuple[int, ...]
    sha256: str
    notes: tuple[str, ...] = ()
    zero_targets: int = 0
    linearly_separable: bool | None = None
    advice: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: tuples are lists, the task is its name."""
        content = asdict(self)
        content["task"] = self.task.value
        return {key: list(value) if isinstance(value, tuple) else value for key, value in content.items()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> DataFacts:
        """Read what `to_json` returned."""
        known: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in content.items()
        }
        known |= {"task": Task(known["task"]), "rows": dict(known["rows"])}
        return cls(**known)


@dataclass(frozen=True)
class PreparedData:
    """The data as the search sees them: without the test part.

    Attributes:
        facts: What was found in the data.
        splits: One for a hold-out, k for k folds.
    """

    facts: DataFacts
    splits: tuple[Split, ...]

"""What the data become: parts, splits, and the facts about them.

Notation: n rows, d columns (the length of the last axis of the features), outputs as in `Task`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tuner.catalog import Task

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
class Preprocessing:
    """What was fitted on a training part, as numbers: enough to treat new rows in the same way.

    A row goes through it in this order: text columns are encoded by `vocabulary`, missing values are replaced by
    `fill`, then `(x - center) / scale`, then the row gets the shape `shape`.

    Attributes:
        fill: Values put in place of missing ones, float64, shape `(d,)`; None if nothing is imputed.
        center, scale: float64, shape `(d,)`.
        shape: Shape of one row as the model gets it.
        features: Names of the d columns: numbers, then encoded texts (`city=Rome`, which a number column may be called
            as well); empty if the source has none.
        vocabulary: Text column → its categories, in the order of their codes.
        text: "one_hot" or "ordinal": how `vocabulary` is used.
        missing_values: Texts of cells that count as missing, beside those that are empty.
    """

    fill: Array | None
    center: Array
    scale: Array
    shape: tuple[int, ...]
    features: tuple[str, ...] = ()
    vocabulary: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    text: str = "error"
    missing_values: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the number columns, which come before the encoded text columns."""
        words = self.vocabulary.values()
        encoded = sum(map(len, words)) if self.text == "one_hot" else len(words)
        return self.features[: len(self.features) - encoded]

    def apply(self, x: Array) -> Array:
        """Transform encoded rows, shape `(n, ..., d)`, to float32, shape `(n, *shape)`."""
        if self.fill is not None:
            x = np.where(np.isnan(x), self.fill, x)
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(((x - self.center) / self.scale).reshape(len(x), *self.shape), np.float32)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "fill": None if self.fill is None else self.fill.tolist(),
            "center": self.center.tolist(),
            "scale": self.scale.tolist(),
            "shape": list(self.shape),
            "features": list(self.features),
            "vocabulary": {name: list(words) for name, words in self.vocabulary.items()},
            "text": self.text,
            "missing_values": list(self.missing_values),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Preprocessing:
        """Read what `to_json` gave, or somebody made up.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: It is something else.
        """
        fill, center = content["fill"], _column_values(content["center"])
        vocabulary = {name: _texts(words) for name, words in content["vocabulary"].items()}
        found = cls(
            fill=None if fill is None else _column_values(fill, len(center)),
            center=center,
            scale=_column_values(content["scale"], len(center)),
            shape=tuple(content["shape"]),
            features=_texts(content["features"]),
            vocabulary=vocabulary,
            text=content["text"],
            missing_values=_texts(content.get("missing_values", [])),
        )
        if not all(type(size) is int and size > 0 for size in found.shape) or not found.shape:
            raise ValueError("`shape` must hold whole numbers above 0")
        if found.text not in ("error", "one_hot", "ordinal") or (found.features and len(found.features) != len(center)):
            raise ValueError("`text`, `features` and `center` do not belong together")
        return found


def _column_values(given: Any, count: int | None = None) -> Array:
    """One finite number a column, shape `(count,)`."""
    values = np.asarray(given, np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all() or count not in (None, len(values)):
        raise ValueError("`fill`, `center` and `scale` must hold one finite number a column")
    return values


def _texts(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        raise ValueError("`features`, `vocabulary` and `missing_values` must hold texts")
    return tuple(given)


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

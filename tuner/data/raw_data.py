"""What a source gives: numbers and texts, before anything is split, encoded or scaled."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tuner.data.cells import cell_texts, check_whole
from tuner.data.dataset import Array
from tuner.data.missing_targets import check_targets
from tuner.errors import DataError, shown
from tuner.text import count

LARGEST = float(np.finfo(np.float32).max)
"""The largest feature, target and weight."""

ROLES = ("x", "y", "weight")
"""Names of arrays whose role is clear without a key of `[data]`."""


@dataclass(frozen=True)
class RawData:
    """The rows of a source.

    Attributes:
        source: The source as the user named it; for messages.
        x: Numbers, float32 or float64, shape `(n, ..., d)`; NaN where a value is missing.
        y: Targets, shape `(n,)` or `(n, targets)`: float64, or `object` holding `str`.
        weight: Sample weights, float64, shape `(n,)`, or None.
        features: Names of the d columns; empty where the source has none.
        texts: Text columns, each `object` of shape `(n,)` holding `str`, or None if a value is missing.
        labels: Names of the target columns; empty where the source has none.
        notes: Sentences about what was found while reading.
        split_columns: What decides on the split: see `read_split_columns`.
        unused: Columns that the study does not use, as they are; none if there are several sources.
        unnamed: Names of arrays beside x, y and weight that no key of the study names.
    """

    source: str
    x: Array
    y: Array
    weight: Array | None = None
    features: tuple[str, ...] = ()
    texts: Mapping[str, Array] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    split_columns: Mapping[str, Array] = field(default_factory=dict)
    unused: Mapping[str, Array] = field(default_factory=dict)
    unnamed: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: Array) -> RawData:
        """Only the rows of these indices (or of this mask)."""
        return replace(
            self,
            x=self.x[rows],
            y=self.y[rows],
            weight=None if self.weight is None else self.weight[rows],
            texts={name: values[rows] for name, values in self.texts.items()},
            split_columns={key: values[rows] for key, values in self.split_columns.items()},
            unused={name: values[rows] for name, values in self.unused.items()},
        )

    def without(self, names: Collection[str]) -> RawData:
        """Without the columns of these names.

        Raises:
            DataError: One of them is not there.
        """
        if not names:
            return self
        for name in names:
            if name not in (*self.features, *self.texts):
                raise DataError(
                    f"The dropped column must be in the data, but {self.source} has no {name!r}.", key="drop"
                )
        kept = [position for position, name in enumerate(self.features) if name not in names]
        return replace(
            self,
            x=self.x[:, kept],
            features=tuple(self.features[position] for position in kept),
            texts={name: values for name, values in self.texts.items() if name not in names},
        )

    def name(self, column: int) -> str:
        """How a message calls a column of `x`."""
        return repr(self.features[column]) if self.features else str(column)


def from_arrays(source: str, x: Any, y: Any, weight: Any = None, **names: Any) -> RawData:
    """Arrays (or what NumPy makes an array of) as a checked `RawData`.

    Args:
        source: For messages.
        x: Features, shape `(n,)` or `(n, ...)`.
        y: Targets, shape `(n,)` or `(n, targets)`; numbers or texts.
        weight: Sample weights, shape `(n,)`, or None.
        **names: `features`, `texts`, `labels`, `notes`, `split_columns`, `unused` and `unnamed` of `RawData`.

    Raises:
        DataError: Not numbers, wrong lengths or dimensions, no row, or values that are infinite or missing where they
            must not be.
    """
    x, y = numeric(x, "x", source), target_array(y, source)
    if x.ndim == 1:
        x = x[:, None]
    texts: Mapping[str, Array] = names.get("texts", {})
    if x.ndim == 0 or y.ndim not in (1, 2):
        raise DataError(
            f"x must have the shape (rows, ...) and y (rows,) or (rows, targets), "
            f"but got {x.shape} and {y.shape} ({source})."
        )
    if weight is not None:
        weight = numeric(weight, "weight", source).astype(np.float64)
        if weight.ndim == 2 and weight.shape[1] == 1:
            weight = weight[:, 0]
    check_lengths(source, x=x, y=y, weight=weight, **names.get("split_columns", {}))
    if len(x) == 0:
        raise DataError(f"The data must have rows, but {source} has none.")
    if x.size == 0 and not texts:
        raise DataError(f"The data must have at least one feature, but {source} has none besides the target.")
    raw = RawData(source, x, y, weight, **names)
    _check_finite(raw)
    return raw


def named_rows(given: Any) -> dict[str, Any] | None:
    """Return `(x, y)`, `(x, y, weight)` or a dict with x and y, and perhaps more, by name; None for anything else."""
    if isinstance(given, Mapping) and set(ROLES[:2]) <= set(given):
        return {str(name): value for name, value in given.items()}
    if isinstance(given, tuple) and len(given) in (2, 3):
        return dict(zip(ROLES, given, strict=False))
    return None


def by_column(x: Array) -> Array:
    """`x`, shape `(n, ..., d)`, as a matrix of d columns.

    A column is what shares the last axis: a column of a table, a channel of images, a variable of series.
    """
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def join(raws: Sequence[RawData]) -> RawData:
    """Concatenate the rows of several sources, in the columns of the first.

    Raises:
        DataError: The sources do not have the same columns.
    """
    first = raws[0]
    if len(raws) == 1:
        return first
    aligned = [first, *(_aligned(raw, first) for raw in raws[1:])]
    kinds = {raw.y.dtype == object for raw in aligned}
    if len(kinds) > 1:
        raise DataError(
            f"The targets of all sources must be of one kind, but {_list(raws)} mix texts and numbers. "
            "Make them the same.",
            key="target",
        )
    if len({raw.split_columns["order"].dtype for raw in aligned if "order" in raw.split_columns}) > 1:
        raise DataError(
            f"The order column must hold numbers or dates in all sources, but {_list(raws)} mix both. "
            "Make them the same.",
            key="order",
        )
    return replace(
        first,
        x=np.concatenate([raw.x for raw in aligned]),
        y=np.concatenate([raw.y for raw in aligned]),
        weight=None if first.weight is None else np.concatenate([raw.weight for raw in aligned]),
        texts={name: np.concatenate([raw.texts[name] for raw in aligned]) for name in first.texts},
        split_columns={key: np.concatenate([raw.split_columns[key] for raw in aligned]) for key in first.split_columns},
        notes=tuple(note for raw in raws for note in raw.notes),
        unused={},
        unnamed=tuple(dict.fromkeys(name for raw in raws for name in raw.unnamed)),
    )


def _list(raws: Sequence[RawData]) -> str:
    return " and ".join(raw.source for raw in raws)


def _aligned(raw: RawData, first: RawData) -> RawData:
    """`raw` with the columns of `first`, in their order."""
    ours, theirs = ({*each.features, *each.texts} for each in (first, raw))
    if ours and (theirs or first.texts):
        absent = sorted(ours - theirs)
        if absent:
            raise DataError(
                f"{raw.source} must have the columns of {first.source}, but lacks {shown(absent)}. Add or drop them."
            )
        changed = sorted(set(first.features) & set(raw.texts) | set(first.texts) & set(raw.features))
        if changed:
            raise DataError(
                f"A column must hold numbers or texts in all sources, but {shown(changed)} differ between "
                f"{first.source} and {raw.source}. Clean or drop them."
            )
        places = {name: place for place, name in enumerate(raw.features)}
        order = [places[name] for name in first.features]
        raw = replace(raw, x=raw.x[:, order], features=first.features)
    if raw.x.shape[1:] != first.x.shape[1:] or raw.y.shape[1:] != first.y.shape[1:]:
        raise DataError(
            f"The rows of all sources must have one shape, but got features {first.x.shape[1:]} and targets "
            f"{first.y.shape[1:]} in {first.source}, {raw.x.shape[1:]} and {raw.y.shape[1:]} in {raw.source}."
        )
    if (raw.weight is None) != (first.weight is None):
        raise DataError(
            f"Sample weights must be in all sources or in none, but {first.source} and {raw.source} differ.",
            key="weight",
        )
    return raw


def numeric(values: Any, what: str, source: str) -> Array:
    """Convert to a floating array with NaN for missing values; float32 and small integers become float32."""
    try:
        masked = isinstance(values, np.ma.MaskedArray)
        array = values.astype(np.float64).filled(np.nan) if masked else np.asarray(values)
        if array.dtype.kind not in "buif":
            if array.dtype.kind != "O":
                raise TypeError
            array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DataError(
            f"{what} must hold numbers in an array of regular shape, but got {_kind(values)} "
            f"({source}). Encode it as numbers.",
            key="weight" if what == "weight" else "source",
        ) from None
    exact_in_float32 = array.dtype.itemsize <= 2 or array.dtype == np.float32
    return array.astype(np.float32 if exact_in_float32 else np.float64)


def target_array(values: Any, source: str) -> Array:
    """Convert targets to float64, or `object` holding `str`.

    Raises:
        DataError: They are neither numbers nor texts, or empty texts.
    """
    try:
        array = np.asarray(values)
    except ValueError:
        array = np.asarray(None)
    objects = list(array.flat) if array.dtype.kind == "O" else []
    bools = array.dtype.kind == "b" or (objects and all(isinstance(value, bool | np.bool_) for value in objects))
    if bools and array.ndim and array.size == len(array):
        return np.where(array.astype(bool), "True", "False").astype(object)
    if array.dtype.kind == "U" or (objects and all(isinstance(value, str) for value in objects)):
        return cell_texts(array.astype(object).ravel()).reshape(array.shape)
    numbers = numeric(values, "y", source).astype(np.float64)
    check_whole(values, numbers, source)
    return numbers


def _kind(values: Any) -> str:
    dtype = getattr(values, "dtype", None)
    return f"{type(values).__name__} of {dtype}" if dtype is not None else type(values).__name__


def check_lengths(source: str, **arrays: Array | None) -> None:
    """Refuse arrays of different lengths, and weights of more than one dimension."""
    weight = arrays["weight"]
    if weight is not None and weight.ndim != 1:
        raise DataError(f"weight must have the shape (rows,), but got {weight.shape} ({source}).", key="weight")
    check_same_length(source, {name: len(array) for name, array in arrays.items() if array is not None})


def check_same_length(source: str, lengths: Mapping[str, int]) -> None:
    """Refuse arrays and tables of different lengths; `lengths` has them by name."""
    if len(set(lengths.values())) > 1:
        given = ", ".join(f"{name} has {count(length, 'row')}" for name, length in lengths.items())
        raise DataError(f"x, y and all that goes with them must have the same number of rows, but {given} ({source}).")


def _check_finite(raw: RawData) -> None:
    flat = by_column(raw.x)
    with np.errstate(invalid="ignore"):
        beyond = (np.abs(flat) > LARGEST).sum(axis=0)
    if beyond.any():
        column = int(beyond.argmax())
        raise DataError(
            f"Features must be finite and fit float32, but {count(int(beyond.sum()), 'value is', 'values are')} not, "
            f"most of them in column {raw.name(column)} ({raw.source}). Replace them or leave the rows out."
        )
    check_targets(raw.y, "y", raw.source)
    if raw.y.dtype != object:
        _check_values(
            "target", "The target", raw.y, np.isfinite(raw.y) & (np.abs(raw.y) <= LARGEST), "finite numbers", raw.source
        )
    if raw.weight is not None:
        check_weight(raw.weight, raw.source)


def check_weight(weight: Array, source: str) -> None:
    """Refuse sample weights that are missing, negative, infinite or all 0."""
    if weight.dtype == object:
        raise DataError(
            f"The sample weight must be a number in each row, but some are texts ({source}). Correct them.",
            key="weight",
        )
    right = np.isfinite(weight) & (weight >= 0) & (weight <= LARGEST)
    _check_values("weight", "The sample weight", weight, right, "finite numbers, 0 or more", source)
    if not weight.any():
        raise DataError(f"At least one sample weight must be above 0, but all are 0 ({source}).", key="weight")


def _check_values(key: str, what: str, values: Array, right: Array, rule: str, source: str) -> None:
    if not right.all():
        row = int(np.flatnonzero(~right.reshape(len(values), -1).all(axis=1))[0])
        raise DataError(
            f"{what} must be {rule} in each row, but {count(int((~right).sum()), 'value is', 'values are')} not, "
            f"the first in row {row + 1} ({shown(values[row].tolist())}) ({source}). Correct these rows "
            "or leave them out.",
            key=key,
        )

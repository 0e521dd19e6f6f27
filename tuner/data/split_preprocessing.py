"""One split: everything that is fitted on its training part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tuner.catalog import Task
from tuner.data.data_config import DataOptions
from tuner.data.dataset import Array, Split, Subset
from tuner.data.encoding import Encoded
from tuner.data.fitted_preprocessing import Preprocessing
from tuner.data.imputing_and_scaling import fit_fill, fit_scale, float32
from tuner.data.independent_units import Dependence
from tuner.data.outliers import bounds, outside
from tuner.data.raw_data import RawData, by_column
from tuner.data.row_shape import check_shape
from tuner.data.targets_and_task import Targets
from tuner.errors import DataError
from tuner.text import count


@dataclass(frozen=True)
class Fitted:
    """A split, and what was done for it.

    Attributes:
        split: The split.
        considered: Training rows before outliers were treated.
        outliers: Rows left out, or values changed by `winsorize`.
        notes: Sentences.
    """

    split: Split
    considered: int
    outliers: int
    notes: tuple[str, ...]


def fit_split(
    raw: RawData,
    targets: Targets,
    encoded: Encoded,
    dependence: Dependence,
    options: DataOptions,
    train: Array,
    validation: Array,
) -> Fitted:
    """Treat outliers, impute and scale, all by what the rows `train` say.

    Order: bounds of outliers over the values that are there; then fill, center and scale over the rows that remain.

    Raises:
        DataError: A column without a value, a constant target or an absent class in the training part, or a shape that
            does not fit.
    """
    x, y = encoded.x[train], targets.y[train]
    _check_columns(x, raw, encoded, ". `drop` it." if encoded.features else ". Leave it out.")
    x, y, kept, outliers = _without_outliers(x, y, targets.task, encoded, options)
    rows = train[kept]
    _check_targets(y, targets, raw, options)
    _check_columns(x, raw, encoded, _after_outliers(options))
    preprocessing = _fit(x, encoded, options, raw)
    center, scale = _target_scaling(y, targets.task, options)
    scaled = (targets.y - center) / scale

    def part(features: Array, aims: Array, chosen: Array) -> Subset:
        weight = None if raw.weight is None else float32(raw.weight[chosen], "weights", raw.source)
        return Subset(
            float32(preprocessing.apply(features), "features", raw.source),
            float32(aims, "targets", raw.source),
            weight,
            dependence.units(chosen),
        )

    split = Split(
        part(x, (y - center) / scale, rows),
        part(encoded.x[validation], scaled[validation], validation),
        center,
        scale,
        preprocessing,
        targets.y[validation],
    )
    return Fitted(split, len(train), outliers, _constant_note(x, encoded))


def unscaled_parts(
    raw: RawData, targets: Targets, encoded: Encoded, options: DataOptions, train: Array, validation: Array
) -> tuple[Subset, Subset]:
    """Select the rows of both parts for `fit_split`, before they are imputed and scaled.

    Returns:
        Training part without outliers, and validation part: features `(n, ..., d)` as the source gives them, encoded;
        targets `(n, outputs)` in their own unit.
    """
    x, y, kept, _ = _without_outliers(encoded.x[train], targets.y[train], targets.task, encoded, options)
    weight = (None, None) if raw.weight is None else (raw.weight[train[kept]], raw.weight[validation])
    return Subset(x, y, weight[0]), Subset(encoded.x[validation], targets.y[validation], weight[1])


def _without_outliers(
    x: Array, y: Array, task: Task, encoded: Encoded, options: DataOptions
) -> tuple[Array, Array, Array, int]:
    """Features, targets, mask of the rows kept, and how many rows (winsorize: values) were outliers.

    Regression targets count as columns too.
    """
    everything = np.ones(len(x), bool)
    if options.outliers == "keep":
        return x, y, everything, 0
    limits = bounds(x, options.outliers, options.limit, ignored=encoded.from_texts)
    unlimited = np.full((2, y.shape[1]), [[-np.inf], [np.inf]])
    aims = bounds(y, options.outliers, options.limit) if task is Task.REGRESSION else unlimited
    if options.outliers == "winsorize":
        clipped_x, clipped_y = np.clip(x, *limits), np.clip(y, *aims)
        changed = int(((x < limits[0]) | (x > limits[1])).sum() + (clipped_y != y).sum())
        return clipped_x, clipped_y, everything, changed
    kept = ~(outside(x, *limits) | outside(y, *aims))
    return x[kept], y[kept], kept, int((~kept).sum())


def _fit(x: Array, encoded: Encoded, options: DataOptions, raw: RawData) -> Preprocessing:
    fill = None
    if options.missing in ("mean", "median"):
        fill = fit_fill(x, options.missing)
        x = np.where(np.isnan(x), fill, x)
    center, scale = fit_scale(x, options.scale)
    center, scale = np.where(encoded.scaled, center, 0.0), np.where(encoded.scaled, scale, 1.0)
    shape = options.shape or x.shape[1:]
    check_shape(shape, x.shape[1:], raw.source, bool(encoded.features))
    return Preprocessing(
        fill,
        center,
        scale,
        tuple(shape),
        encoded.features,
        encoded.encoders,
        options.missing_values,
        options.csv_options,
    )


def _target_scaling(y: Array, task: Task, options: DataOptions) -> tuple[Array, Array]:
    """Center and scale of the targets, float64, shape `(outputs,)`."""
    if options.target_scale == "standardize" and task.classifies:
        raise DataError(
            f"`target_scale = 'standardize'` needs a regression task, but the data are for {task}. Remove it.",
            key="target_scale",
        )
    scaled = task is Task.REGRESSION and options.target_scale != "none"
    return fit_scale(y, "standardize" if scaled else "none")


def _after_outliers(options: DataOptions) -> str:
    """Return the end of a message: what may have removed rows, and the next step."""
    return f" after {options.outliers} with limit {options.limit:g}. Raise `outlier_limit`."


def _check_columns(x: Array, raw: RawData, encoded: Encoded, cause: str) -> None:
    empty = np.flatnonzero(np.isnan(by_column(x)).all(axis=0))
    if len(empty):
        name = repr(encoded.features[empty[0]]) if encoded.features else str(empty[0])
        raise DataError(
            f"Each column must have a value in the training part, but column {name} has none ({raw.source}){cause}"
        )


def _check_targets(y: Array, targets: Targets, raw: RawData, options: DataOptions) -> None:
    """Refuse a training part with nothing to learn from, also once its outliers are removed."""
    cure = ". Use fewer folds, or begin with a larger part." if options.order else ". Add rows, or use another seed."
    cause = _after_outliers(options) if options.outliers.startswith("drop") else cure
    if len(y) < 2:
        raise DataError(f"The training part must have at least 2 rows, but has {len(y)} ({raw.source}){cause}")
    if targets.task is Task.REGRESSION and (y.min(axis=0) == y.max(axis=0)).any():
        raise DataError(
            f"The target must vary in the training part, but is constant there ({raw.source}){cause}", key="target"
        )
    if targets.task in (Task.BINARY, Task.MULTICLASS):
        ones = y.sum(axis=0)
        counts = np.array([len(y) - ones[0], ones[0]]) if targets.task is Task.BINARY else ones
        if not counts.all():
            absent = targets.classes[int(counts.argmin())]
            raise DataError(
                f"Each class must be in the training part, but {absent!r} has no row there ({raw.source}){cause}"
            )


def _constant_note(x: Array, encoded: Encoded) -> tuple[str, ...]:
    flat = by_column(x)
    with np.errstate(invalid="ignore"):
        constant = np.flatnonzero((flat == flat[0]).all(axis=0))
    if not len(constant):
        return ()
    names = [encoded.features[d] if encoded.features else str(d) for d in constant[:10]]
    are = count(len(constant), "feature is", "features are")
    return (f"{are} constant in the training part ({', '.join(names)}).",)

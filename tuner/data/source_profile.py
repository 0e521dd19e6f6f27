"""What a source holds, whether it is a table, an archive or a function, for a report of all that is wrong with it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.data.cells import column_name, without_values
from tuner.data.column_profile import ColumnProfile, profile_column
from tuner.data.data_config import DataOptions
from tuner.data.dataset import Array
from tuner.data.group_and_order_columns import read_split_column
from tuner.data.pandas_columns import check_names, column, index_columns, is_pandas
from tuner.data.raw_data import LARGEST, check_lengths, check_weight, numeric
from tuner.data.sources import find_source
from tuner.errors import DataError

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class SourceProfile:
    """The columns of a source.

    Attributes:
        columns: Name → column, those of a table all but the index that it was saved with; of arrays only those that
            cannot be used as they are.
        targets: The targets among them, or beside them.
        named: Whether the columns have names, so that the study can say what becomes of each.
        names: What `group`, `order` and `split` may name.
        broken: Key of `[data]` → what is wrong with the weights, with a column that decides on the split, or with the
            number of rows, as a sentence.
    """

    columns: Mapping[str, ColumnProfile]
    targets: Mapping[str, ColumnProfile]
    named: bool
    names: tuple[str, ...]
    broken: Mapping[str, str]


def profile_source(text: str, options: DataOptions, project: Path) -> SourceProfile | None:
    """Describe the columns of a source of a study; None if it has no columns of its own, as images.

    Args:
        text: One of the sources.
        options: The `[data]` section.
        project: Folder that paths and references are relative to.

    Raises:
        DataError: The source cannot be read.
        ContentError: A data function cannot be loaded.
    """
    read = find_source(text, project).read_columns
    if read is None:
        return None
    given = read(text, options, project)
    x, words = given["x"], options.missing_values
    named = is_pandas(x)
    columns = _table_columns(_table(x, text), text, options) if named else _array_columns(x, text, words)
    if options.targets:
        targets = {name: columns[name] for name in options.targets if name in columns}
    else:
        targets = _target_columns(given.get("y"), text, words)
    beside = {**_get_columns(x), **given}
    names = tuple(name for name in beside if name not in ("x", "y") or name in columns)
    return SourceProfile(columns, targets, named, names, _broken(given, beside, text, options))


def _table(x: Any, source: str) -> pandas.DataFrame:
    frame: pandas.DataFrame = x.to_frame() if x.ndim == 1 else x
    return frame.set_axis(check_names(frame.columns, source), axis="columns")


def _table_columns(frame: pandas.DataFrame, source: str, options: DataOptions) -> dict[str, ColumnProfile]:
    index, _ = index_columns(frame, {*options.targets, *options.dropped, *options.encodings}, source)
    columns = zip(frame.columns, (series for _, series in frame.items()), strict=True)
    return {
        name: profile_column(series, name, source, options.missing_values, options.decimal)
        for name, series in columns
        if name not in index
    }


def _array_columns(x: Any, source: str, words: tuple[str, ...]) -> dict[str, ColumnProfile]:
    """Describe the columns of an array with missing numbers, or such that float32 cannot hold."""
    try:
        numbers = without_values(numeric(x, "x", source), words)
    except DataError:
        return {}
    numbers = numbers if numbers.ndim > 1 else numbers.reshape(-1, 1)
    within = tuple(range(1, numbers.ndim - 1))
    with np.errstate(invalid="ignore"):
        missing, beyond = (np.any(cells, within) for cells in (np.isnan(numbers), np.abs(numbers) > LARGEST))
    return {
        name: ColumnProfile.of_numbers(name, missing[:, at], beyond[:, at], 2)
        for at in np.flatnonzero((missing | beyond).any(axis=0)).tolist()
        for name in [f"column {at} of x"]
    }


def _target_columns(y: Any, source: str, words: tuple[str, ...]) -> dict[str, ColumnProfile]:
    import pandas

    if y is None:
        return {}
    if is_pandas(y):
        frame = y.to_frame() if y.ndim == 1 else y
        names = [column_name(name) for name in frame.columns]
    else:
        array = np.asarray(y)
        if array.ndim not in (1, 2):
            return {}
        array = array if array.ndim == 2 else array[:, None]
        frame = pandas.DataFrame(array.astype(object) if array.dtype.kind == "U" else array)
        names = ["y"] if frame.shape[1] == 1 else [f"column {at} of y" for at in range(frame.shape[1])]
    return {name: profile_column(frame.iloc[:, at], name, source, words) for at, name in enumerate(names)}


def _broken(given: Mapping[str, Any], columns: Mapping[str, Any], source: str, options: DataOptions) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        check_lengths(source, **{name: _flat(given.get(name)) for name in ("x", "y", "weight")})
    except DataError as error:
        found["source"] = str(error)
    for key, name in options.split_columns.items():
        if name in columns:
            try:
                read_split_column(key, columns[name], name, source)
            except DataError as error:
                found[key] = str(error)
    weight = columns.get(options.weight) if options.weight is not None else given.get("weight")
    if weight is not None:
        try:
            check_weight(_weight(weight, options, source), source)
        except DataError as error:
            found["weight"] = str(error)
    return found


def _get_columns(x: Any) -> dict[str, Any]:
    """Return the columns of a table by name; none of an array."""
    if not is_pandas(x):
        return {}
    frame = x.to_frame() if x.ndim == 1 else x
    return {column_name(name): frame.iloc[:, at] for at, name in enumerate(frame.columns)}


def _flat(values: Any) -> Array | None:
    return None if values is None or not np.ndim(values) else np.empty(len(values))


def _weight(values: Any, options: DataOptions, source: str) -> Array:
    if is_pandas(values):
        series = values if values.ndim == 1 else values.iloc[:, 0]
        return column(series, options.weight or "weight", source, options.missing_values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return numeric(values, "weight", source).astype(np.float64)

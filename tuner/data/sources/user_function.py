"""A function of the project that gives the data: `file.py:function`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tuner import user_code
from tuner.catalog import silence_tensorflow_import
from tuner.data.cells import column_name, without_values
from tuner.data.data_config import DataOptions
from tuner.data.group_and_order_columns import read_split_columns
from tuner.data.missing_targets import rows_with_targets, take_rows
from tuner.data.pandas_columns import (
    check_index,
    column,
    feature_columns,
    index_columns,
    is_pandas,
    pick,
    target_columns,
)
from tuner.data.raw_data import ROLES, RawData, from_arrays, named_rows
from tuner.data.sources.base import SPLIT_KEYS, Source
from tuner.errors import DataError, TunerError, shown

_TENSORFLOW = "that takes seconds and 500 MB. To avoid it, save the rows once as .npz or Parquet"


def _read(text: str, options: DataOptions, project: Path) -> RawData:
    had_tensorflow = "tensorflow" in sys.modules
    named = _call(text, project)
    notes: tuple[str, ...] = ()
    source = str(_reference(text))
    if options.drops_rows_without_target:
        named, notes = _with_targets(named, options, source)
    if "tensorflow" in sys.modules and not had_tensorflow:
        notes = (*notes, f"{source} imports TensorFlow, so every command that reads the data does: {_TENSORFLOW}.")
    return _raw(source, options, named, notes)


def _reference(text: str) -> user_code.Reference:
    return user_code.Reference.parse(text, function="load")


def _call(text: str, project: Path) -> dict[str, Any]:
    """Return what the function returns, by name."""
    reference = _reference(text)
    with silence_tensorflow_import():
        function = user_code.load(project, reference)
        try:
            given = function()
        except TunerError:
            raise
        except (Exception, SystemExit) as error:  # code of the person who runs it: anything can come
            line = user_code.failing_line(error, user_code.find_file(project, reference.path))
            raise DataError(
                f"The function {reference} must return the data, but fails{line}: {type(error).__name__}: {error}"
            ) from error
    return _named(given, reference)


def _with_targets(given: dict[str, Any], options: DataOptions, source: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Leave out the rows without a target; return a note of how many they are."""
    y = given["y"]
    if is_pandas(y):
        frame = y.to_frame() if y.ndim == 1 else y
        columns = enumerate(map(column_name, frame.columns))
        targets = {name: column(frame.iloc[:, at], name, source, options.missing_values) for at, name in columns}
    else:
        targets = {"y": np.asarray(y)}
    if not all(values.ndim for values in targets.values()):
        return given, ()
    there, notes = rows_with_targets(targets, source)
    return (given if there is None else take_rows(given, there)), notes


def _named(given: Any, reference: user_code.Reference) -> dict[str, Any]:
    """Return what a function returned by name."""
    named = named_rows(given)
    if named is not None:
        return named
    size = f" of {len(given)}" if isinstance(given, tuple) else ""
    size = f" of {shown(list(given))}" if isinstance(given, Mapping) else size
    raise DataError(
        f"The function {reference} must return (x, y), (x, y, weight) or a dict with these names and further columns, "
        f"but returned a {type(given).__name__}{size}."
    )


def _raw(source: str, options: DataOptions, given: Mapping[str, Any], notes: tuple[str, ...]) -> RawData:
    x, y, words, names = given["x"], given["y"], options.missing_values, dict[str, Any](notes=notes)
    deciding = {name: given[name] for name in options.split_columns.values() if name in given}
    check_index({"x": x, "y": y, "weight": given.get("weight"), **deciding}, source)
    if is_pandas(x):
        frame = x.to_frame() if x.ndim == 1 else x
        places = {column_name(name): place for place, name in enumerate(frame.columns)}
        of_x = {name for name in options.split_columns.values() if name in places and name not in deciding}
        deciding |= {name: frame.iloc[:, places[name]] for name in of_x}
        dropped = [pick(frame, name, "dropped", source) for name in options.dropped]
        encodings = {pick(frame, name, "encoded", source): how for name, (how, _) in options.encodings.items()}
        index, left_out = index_columns(frame, {*dropped, *of_x, *encodings}, source)
        x, features, texts = feature_columns(frame, source, {*dropped, *index, *of_x}, words, encodings)
        names |= {"features": features, "texts": texts, "notes": (*left_out, *notes)}
        names["unused"] = {name: frame[name].to_numpy() for name in dropped}
    elif options.drop or options.columns:
        key = "drop" if options.drop else "columns"
        raise DataError(
            f"`{key}` needs columns with names, but x of {source} is {type(x).__name__}. Return a pandas DataFrame, or "
            f"remove `{key}`.",
            key=key,
        )
    elif words:
        x = without_values(np.asarray(x), words)
    if is_pandas(y):
        frame = y.to_frame() if y.ndim == 1 else y
        y, names["labels"] = target_columns(frame, source, words), tuple(map(column_name, frame.columns))
    names["split_columns"] = read_split_columns(options, {**given, **deciding}, source)
    names["unnamed"] = tuple(name for name in given if name not in (*ROLES, *options.split_columns.values()))
    return from_arrays(source, x, y, given.get("weight"), **names)


FUNCTION = Source(
    "function",
    "file.py:function of the project, which returns (x, y), (x, y, weight) or a dict of these and of columns that "
    "`group`, `order` and `split` name; arrays or pandas",
    _read,
    takes=frozenset({"text", "columns", "drop", "missing_values", *SPLIT_KEYS}),
    runs_code=True,
    read_columns=lambda text, options, project: _call(text, project),
)

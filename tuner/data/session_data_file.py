"""Write arrays and tables of a Python session into a file that a study file can name as its source."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.data.cells import column_name
from tuner.data.dataset import Array
from tuner.data.pandas_columns import check_index, check_names, column, is_pandas, target_columns
from tuner.data.raw_data import ROLES, check_same_length, named_rows, numeric, target_array
from tuner.data.tf_dataset_reader import is_tf_dataset, read_tf_dataset
from tuner.errors import DataError, nearest, shown

if TYPE_CHECKING:
    import pandas

_FORMS = "(x, y), (x, y, weight), a dict with x and y, a pandas table, or a tf.data.Dataset"


@dataclass(frozen=True)
class ArrayFile:
    """Rows that were checked, ready to be written.

    Attributes:
        suffix: Of the file: ".npz" for arrays, ".parquet" for a table.
        rows: Arrays by name, or the table.
        options: Keys of `[data]` that go with the file: the columns of target and weight in a table.
    """

    suffix: str
    rows: Mapping[str, Array] | pandas.DataFrame
    options: Mapping[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the file.

        Raises:
            DataError: A column of the table cannot be written.
            OSError: The file cannot be written.
        """
        if isinstance(self.rows, Mapping):
            np.savez(path, **dict(self.rows))  # type: ignore[arg-type]  # a name is one of ours, or of the study's
            return
        import pyarrow

        try:
            self.rows.to_parquet(path, index=False)
        except (pyarrow.ArrowException, TypeError, ValueError) as error:
            for name, values in self.rows.items():
                column(values, column_name(name), "the table")  # says which column it is, and why
            raise DataError(f"The table must be one that Parquet can hold, but: {error}.") from error


def array_file(given: Any, source: str, named: Collection[str] = ()) -> ArrayFile:
    """Check rows of a Python session, and bring them into the form of a file.

    Args:
        given: `(x, y)` or `(x, y, weight)`; a dict of these and of columns that `group`, `order` and `split` name; a
            pandas table with the target among its columns; or a `tf.data.Dataset` that fits the memory.  Each of x, y
            and weight is an array, a list or tensor that NumPy makes one of, or a pandas table or column.
        source: Its name in messages.
        named: Columns that keys of `[data]` name.

    Raises:
        DataError: It is none of these, or holds what no file of data can, or what nothing uses.
    """
    if _is_table(given):
        return ArrayFile(".parquet", _named_frame(given, source))
    rows = read_tf_dataset(given, source) if is_tf_dataset(given) else _named(given, source)
    _check_used(rows, source, named)
    check_index(rows, source)
    if is_pandas(rows["x"]):
        return _table_file(rows, source)
    arrays = {name: _array(values, name, source) for name, values in rows.items()}
    lengths = {name: len(values) for name, values in arrays.items() if values.ndim}
    check_same_length(source, lengths)
    return ArrayFile(".npz", arrays)


def _is_table(value: Any) -> bool:
    return is_pandas(value) and value.ndim == 2


def _named(given: Any, source: str) -> dict[str, Any]:
    named = named_rows(given)
    if named is None:
        size = f" of {len(given)}" if isinstance(given, tuple | list) else ""
        size = f" with {shown(list(given))}" if isinstance(given, Mapping) else size
        raise DataError(f"Rows must be {_FORMS}, but {source} is a {type(given).__name__}{size}.")
    key = next((name for name, value in named.items() if _is_option(name, value)), None)
    if key is not None:
        value = shown(named[key])
        raise DataError(
            f"A dict with x and y must hold rows only, but {key!r} of {source} is {value}. To set a key of [data], "
            f"give the rows as its source: {{'source': {{'x': ..., 'y': ...}}, {key!r}: {value}}}."
        )
    there = {name: value for name, value in named.items() if value is not None}
    if lacking := next((name for name in ROLES[:2] if name not in there), None):
        raise DataError(f"Rows must have x and y, but {lacking} of {source} is None. Give its values.")
    return there


def _check_used(rows: Collection[str], source: str, named: Collection[str]) -> None:
    """Refuse what is neither x, y nor weight, and what no key names: a model would never see it."""
    used = (*ROLES, *named)
    for name in rows:
        if name not in used:
            near = nearest(name, [other for other in used if other not in rows])
            step = f"; did you mean {near}? Rename it, or leave it out."
            if part := _part_in(name):
                example = "data={'source': (x, y), " + f"{part!r}: ({part}_x, {part}_y)}}"
                step = f". Rows of the {part} part are given beside the source: {example}."
            elif near is None:
                example = f"data={{'source': {{'x': ..., 'y': ..., {name!r}: ...}}, 'group': {name!r}}}"
                step = f". Leave it out, or, if it decides on the split, name it as group, order or split: {example}."
            raise DataError(f"Every array of {source} must be used, but the array {name!r} is used by nothing{step}")


def _part_in(name: str) -> str | None:
    """Return the key of the part that the name of an array speaks of, or None."""
    for word in re.split(r"[^a-z]+", name.lower()):
        if word in ("val", "valid", "validation", "dev"):
            return "validation"
        if word == "test":
            return "test"
    return None


def _is_option(name: Any, value: Any) -> bool:
    """Tell whether a value beside x and y is none for each row, as of a key of `[data]`."""
    is_list = isinstance(value, list | tuple) and name in ("drop", "missing_values")
    return name not in ROLES and (is_list or isinstance(value, str | bool | int | float | Mapping))


def _array(values: Any, name: str, source: str) -> Array:
    """Return an array that a NumPy archive holds without pickled objects."""
    if name == "x" and isinstance(values, Mapping):
        raise DataError(
            f"A model has one input, but x of {source} is a dict of {shown(list(values))}. Join the arrays along the "
            "last axis, and take them apart in the model."
        )
    if is_pandas(values):
        frame = values.to_frame() if values.ndim == 1 else values
        values = target_columns(frame, source) if name == "y" else values.to_numpy()
    try:
        array = np.asarray(values)
    except ValueError:
        array = np.asarray(None)
    numbers = name in ("x", "weight")
    if array.dtype.kind in ("buif" if numbers else "buifUM") and not isinstance(values, np.ma.MaskedArray):
        return array
    if numbers:
        return numeric(values, name, source)
    if array.dtype.kind == "O" and array.size and all(isinstance(value, str) for value in array.flat):
        return array.astype(str)
    found = target_array(values, source) if name == "y" else numeric(values, name, source)
    return found.astype(str) if found.dtype == object else found


def _named_frame(frame: pandas.DataFrame, source: str) -> pandas.DataFrame:
    return frame.set_axis(check_names(frame.columns, source), axis="columns").reset_index(drop=True)


def _table_file(named: Mapping[str, Any], source: str) -> ArrayFile:
    """Put the columns of x and y, and all others, into one table."""
    import pandas

    x = named["x"]
    frame = _named_frame(x.to_frame() if x.ndim == 1 else x, source)
    columns: dict[str, pandas.DataFrame] = {}
    for name, values in named.items():
        if name != "x":
            columns[name] = _columns(values, {"y": "target"}.get(name, name), source)
    check_same_length(source, {"x": len(frame), **{name: len(each) for name, each in columns.items()}})
    taken = set(frame.columns)
    for name, each in columns.items():
        twice = [column for column in each.columns if column in taken]
        if twice:
            raise DataError(
                f"A column of {name} must not be a feature as well, but {shown(twice[0])} is in x of {source} too. "
                f"Leave it out, as in x.drop(columns={twice[0]!r}), or give it another name."
            )
        taken |= set(each.columns)
    target = list(columns["y"].columns)
    options: dict[str, Any] = {"target": target[0] if len(target) == 1 else target}
    if "weight" in columns:
        options["weight"] = columns["weight"].columns[0]
    return ArrayFile(".parquet", pandas.concat([frame, *columns.values()], axis="columns"), options)


def _columns(values: Any, name: str, source: str) -> pandas.DataFrame:
    """Return what accompanies the features, as named columns."""
    import pandas

    if is_pandas(values):
        frame = values.to_frame(name if values.name is None else values.name) if values.ndim == 1 else values
        return _named_frame(frame, source)
    array = _array(values, "y" if name == "target" else name, source)
    if array.ndim == 1:
        return pandas.DataFrame({name: array})
    if array.ndim != 2:
        raise DataError(f"y must have the shape (rows,) or (rows, targets), but got {array.shape} ({source}).")
    names = [name] if array.shape[1] == 1 else [f"{name}_{number}" for number in range(1, array.shape[1] + 1)]
    return pandas.DataFrame(array, columns=names)

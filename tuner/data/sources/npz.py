"""NumPy archives: arrays `x`, `y`, if there are weights, `weight`, and what decides on the split, by its name.

Rows to predict need `x` alone, or are the only array of a `.npy` file.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from numpy.lib.format import open_memmap

from tuner.data.cells import without_values
from tuner.data.data_config import DataOptions
from tuner.data.dataset import Array
from tuner.data.group_and_order_columns import read_split_columns
from tuner.data.missing_targets import rows_with_targets, take_rows
from tuner.data.raw_data import ROLES, RawData, from_arrays
from tuner.data.sources.base import SPLIT_KEYS, Source, locate_file
from tuner.errors import DataError
from tuner.untrusted_files import check_regular, open_zip, read_array, reading

_NPY = ".npy"
_SAVE = "Save it with numpy.savez(path, x=..., y=...)."


def _read_arrays(text: str, options: DataOptions, project: Path) -> dict[str, Array | None]:
    """Read the arrays that the study uses; the others are None.

    Raises:
        DataError: The file is not an archive, or x or y is not in it.
    """
    path = locate_file(text, project)
    with reading(text, "a NumPy archive without pickled objects", _SAVE, DataError), open_zip(path) as archive:
        names = sorted(name.removesuffix(".npy") for name in archive.namelist())
        if not {"x", "y"} <= set(names):
            raise DataError(
                f"An .npz file must hold the arrays x and y, but {text} holds {', '.join(names)[:300] or 'none'}. "
                f"{_SAVE}"
            )
        wanted = {*ROLES, *options.split_columns.values()}
        return {name: read_array(archive, name) if name in wanted else None for name in names}


def read_new_arrays(text: str, project: Path, beside: Collection[str]) -> dict[str, Array | None]:
    """Read rows to predict: `x`, and arrays of an archive beside it; those that are not asked for are None.

    Raises:
        DataError: The file is damaged, or holds no x with rows.
    """
    path = locate_file(text, project)
    save = f"Save it with {'numpy.save(path, x)' if text.lower().endswith(_NPY) else 'numpy.savez(path, x=...)'}."
    with reading(text, "arrays of NumPy without pickled objects", save, DataError):
        arrays = _new_arrays(path, beside)
    x = arrays.get("x")
    if x is None:
        held = ", ".join(arrays)[:300] or "none"
        raise DataError(f"An .npz file of rows to predict must hold the array x, but {text} holds {held}. {save}")
    if not x.ndim:
        raise DataError(f"x must have rows, but {text} holds one number. {save}")
    return arrays


def _new_arrays(path: Path, beside: Collection[str]) -> dict[str, Array | None]:
    if path.suffix.lower() == _NPY:
        check_regular(path)
        return {"x": open_memmap(path, mode="r")}
    with open_zip(path) as archive:
        names = sorted(name.removesuffix(".npy") for name in archive.namelist())
        return {name: read_array(archive, name) if name in {"x", *beside} else None for name in names}


def _read(text: str, options: DataOptions, project: Path) -> RawData:
    arrays: dict[str, Any] = _read_arrays(text, options, project)
    notes: tuple[str, ...] = ()
    if options.drops_rows_without_target and arrays["y"].ndim:
        there, notes = rows_with_targets({"y": arrays["y"]}, text)
        arrays = arrays if there is None else take_rows(arrays, there)
    split_columns = read_split_columns(options, arrays, text)
    x, y, weight = without_values(arrays["x"], options.missing_values), arrays["y"], arrays.get("weight")
    unnamed = tuple(name for name in arrays if name not in (*ROLES, *options.split_columns.values()))
    return from_arrays(text, x, y, weight, split_columns=split_columns, notes=notes, unnamed=unnamed)


NPZ = Source(
    "npz",
    "NumPy archive with the arrays x, y and, optionally, weight; `group`, `order` and `split` name further arrays",
    _read,
    suffixes=(".npz",),
    takes=frozenset({"missing_values", *SPLIT_KEYS}),
    read_columns=_read_arrays,
)
ARRAY_SUFFIXES = (*NPZ.suffixes, _NPY)
"""Endings of files of rows to predict."""

"""NumPy archives: arrays `x`, `y`, if there are weights, `weight`, and what decides on the split, by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tuner.data.cells import without_values
from tuner.data.data_config import DataOptions
from tuner.data.dataset import Array
from tuner.data.group_and_order_columns import find_column, read_split_columns
from tuner.data.missing_targets import rows_with_targets, take_rows
from tuner.data.raw_data import ROLES, RawData, from_arrays
from tuner.data.sources.base import SPLIT_KEYS, Source, locate_file
from tuner.errors import DataError
from tuner.untrusted_files import open_zip, read_array, reading

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


def _read(text: str, options: DataOptions, project: Path) -> RawData:
    arrays: dict[str, Any] = _read_arrays(text, options, project)
    notes: tuple[str, ...] = ()
    if options.drops_rows_without_target and arrays["y"].ndim:
        there, notes = rows_with_targets({"y": arrays["y"]}, text)
        arrays = arrays if there is None else take_rows(arrays, there)
    split_columns = read_split_columns(options, lambda name: find_column(arrays, name, text), text)
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

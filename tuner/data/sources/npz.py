"""NumPy archives: arrays `x`, `y` and, where there are weights, `weight`."""

from __future__ import annotations

from pathlib import Path

from tuner.data.cells import without_values
from tuner.data.data_config import DataOptions
from tuner.data.raw_data import RawData, from_arrays
from tuner.data.sources.base import Source, locate_file
from tuner.errors import DataError
from tuner.untrusted_files import open_zip, read_array, reading

_SAVE = "Save it with numpy.savez(path, x=..., y=...)."


def _read(text: str, options: DataOptions, project: Path) -> RawData:
    path = locate_file(text, project)
    with reading(text, "a NumPy archive without pickled objects", _SAVE, DataError), open_zip(path) as archive:
        names = sorted(name.removesuffix(".npy") for name in archive.namelist())
        if not {"x", "y"} <= set(names):
            raise DataError(
                f"An .npz file must hold the arrays x and y, but {text} holds {', '.join(names)[:300] or 'none'}. "
                f"{_SAVE}"
            )
        arrays = {name: read_array(archive, name) for name in ("x", "y", "weight") if name in names}
    arrays["x"] = without_values(arrays["x"], options.missing_values)
    return from_arrays(text, **arrays)


NPZ = Source(
    "npz",
    "NumPy archive with the arrays x, y and, optionally, weight",
    _read,
    suffixes=(".npz",),
    takes=frozenset({"missing_values"}),
)

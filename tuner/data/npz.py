"""NumPy archives: arrays `x`, `y` and, where there are weights, `weight`."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tuner.data.cells import without_values
from tuner.data.options import DataOptions
from tuner.data.parts import Array
from tuner.data.raw import Raw, from_arrays
from tuner.data.source import Source, locate_file
from tuner.errors import DataError
from tuner.files import open_zip, reading

_SAVE = "Save it with numpy.savez(path, x=..., y=...)."
_HEADERS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def _read(text: str, options: DataOptions, project: Path) -> Raw:
    path = locate_file(text, project)
    with reading(text, "a NumPy archive without pickled objects", _SAVE, DataError), open_zip(path) as archive:
        names = sorted(name.removesuffix(".npy") for name in archive.namelist())
        if not {"x", "y"} <= set(names):
            raise DataError(
                f"An .npz file must hold the arrays x and y, but {text} holds {', '.join(names)[:300] or 'none'}. "
                f"{_SAVE}"
            )
        arrays = {name: _array(archive, f"{name}.npy") for name in ("x", "y", "weight") if name in names}
    arrays["x"] = without_values(arrays["x"], options.missing_values)
    return from_arrays(text, **arrays)


def _array(archive: zipfile.ZipFile, name: str) -> Array:
    """One array, whose header claims no more than the archive holds."""
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:  # 3.0 is for records whose fields have names outside of Latin-1
            raise ValueError(f"{name} is of the version {version} of NumPy's format, which holds no plain numbers")
        shape, _, dtype = _HEADERS[version](file)
        size = math.prod(shape) * dtype.itemsize
        held = archive.getinfo(name).file_size
        if dtype.itemsize == 0 or size > held:
            raise ValueError(f"{name} claims the shape {shape} of {dtype}, and holds {held:,} bytes")
    with archive.open(name) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


NPZ = Source(
    "npz",
    "NumPy archive with the arrays x, y and, optionally, weight",
    _read,
    suffixes=(".npz",),
    takes=frozenset({"missing_values"}),
)

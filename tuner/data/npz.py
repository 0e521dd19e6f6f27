"""NumPy archives: arrays `x`, `y` and, where there are weights, `weight`."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from tuner.data.options import DataOptions
from tuner.data.raw import Raw, from_arrays
from tuner.data.source import Source, locate
from tuner.errors import DataError


def _read(text: str, options: DataOptions, project: Path) -> Raw:
    path = locate(text, project)
    try:
        # NumPy leaves a file that it opened itself open where the archive is broken.
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("it holds a single array")
            names = sorted(archive.files)
            if not {"x", "y"} <= set(names):
                raise DataError(
                    f"An .npz file must hold the arrays x and y, but {text} holds {', '.join(names) or 'none'}. "
                    "Save it with numpy.savez(path, x=..., y=...)."
                )
            arrays = {name: archive[name] for name in ("x", "y", "weight") if name in names}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{text} must be a NumPy archive without pickled objects, but cannot be read: {error}. "
            "Save it with numpy.savez(path, x=..., y=...)."
        ) from error
    return from_arrays(text, **arrays)


NPZ = Source("npz", "NumPy archive with the arrays x, y and, optionally, weight", _read, suffixes=(".npz",))

"""Prepared rows in a file: read and prepared once, mapped into memory by every worker process of a machine.

A file is the length of a JSON text, that text, and the arrays behind it.  It is named by the SHA-256 of its content,
only its owner can read it, and it lives in a folder that its maker removes.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import mmap
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tuner.data.dataset import Array, DataFacts, HeldOut, PreparedData, Split, Subset
from tuner.data.fitted_preprocessing import Preprocessing

_SUFFIX = ".rows"
_LENGTH_BYTES = 8
_ALIGNMENT = 64
"""Every array begins at a multiple of it, in bytes."""
_FREE_SHARE = 2
"""A file takes at most one part in this many of the free space: the folder may be in memory."""


def save_prepared(prepared: PreparedData, folder: Path) -> Path:
    """Write prepared rows to a new file in a folder.

    Raises:
        OSError: There is no room for it.
    """
    splits = [_split_content(split) for split in prepared.splits]
    return _write({"facts": prepared.facts.to_json(), "splits": splits}, folder)


def load_prepared(file: Path) -> PreparedData | None:
    """Map what `save_prepared` wrote into memory, read-only; None if the file is gone or has another content."""
    content = _read(file)
    if content is None:
        return None
    splits = tuple(Split(**_split_fields(split)) for split in content["splits"])
    return PreparedData(DataFacts.from_json(content["facts"]), splits)


def save_held_out(held: HeldOut, folder: Path) -> Path:
    """Write the rows of a final training, as `save_prepared` does."""
    return _write({**_split_content(held), "sample": held.sample}, folder)


def load_held_out(file: Path) -> HeldOut | None:
    """Map what `save_held_out` wrote into memory, as `load_prepared` does."""
    content = _read(file)
    return None if content is None else HeldOut(**_split_fields(content), sample=content["sample"])


def _split_content(split: Split) -> dict[str, Any]:
    preprocessing = split.preprocessing
    return {
        "train": vars(split.train),
        "validation": vars(split.validation),
        "target_center": split.target_center,
        "target_scale": split.target_scale,
        "preprocessing": None if preprocessing is None else preprocessing.to_json(),
        "validation_target": split.validation_target,
    }


def _split_fields(content: Mapping[str, Any]) -> dict[str, Any]:
    preprocessing = content["preprocessing"]
    return {
        "train": Subset(**content["train"]),
        "validation": Subset(**content["validation"]),
        "target_center": content["target_center"],
        "target_scale": content["target_scale"],
        "preprocessing": None if preprocessing is None else Preprocessing.from_json(preprocessing),
        "validation_target": content["validation_target"],
    }


def _write(content: Mapping[str, Any], folder: Path) -> Path:
    arrays: list[Array] = []
    size = 0

    def place(array: Array) -> dict[str, Any]:
        nonlocal size
        arrays.append(np.ascontiguousarray(array))
        found = {"dtype": array.dtype.str, "shape": array.shape, "offset": size}
        size += _padded(array.nbytes)
        return found

    text = json.dumps(content, default=place).encode()
    head = len(text).to_bytes(_LENGTH_BYTES, "little") + text
    if (len(head) + size) * _FREE_SHARE > shutil.disk_usage(folder).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    handle, name = tempfile.mkstemp(_SUFFIX, dir=folder)  # mode 0600
    try:
        digest = hashlib.sha256()
        with os.fdopen(handle, "wb") as file:
            for part in _parts(head, arrays):
                digest.update(part)
                file.write(part)
        return Path(name).rename(folder / f"{digest.hexdigest()}{_SUFFIX}")
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _parts(head: bytes, arrays: list[Array]) -> Iterator[bytes | memoryview]:
    for part in [memoryview(head), *(array.reshape(-1).view(np.uint8).data for array in arrays)]:
        yield part
        yield bytes(_padded(part.nbytes) - part.nbytes)


def _padded(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _read(file: Path) -> Any:
    """Return the content of a file, its arrays mapped; None if it is gone, or is not what its name says."""
    try:
        with file.open("rb") as opened:
            memory = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # no file, or an empty one
        return None
    if hashlib.sha256(memory).hexdigest() != file.stem:
        return None
    end = _LENGTH_BYTES + int.from_bytes(memory[:_LENGTH_BYTES], "little")

    def mapped(found: dict[str, Any]) -> Any:
        if type(found.get("offset")) is not int:
            return found
        return np.ndarray(found["shape"], found["dtype"], memory, _padded(end) + found["offset"])

    return json.loads(memory[_LENGTH_BYTES:end], object_hook=mapped)

"""A folder of images: one subfolder a class."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner.data.data_config import DataOptions
from tuner.data.dataset import Array
from tuner.data.raw_data import RawData, from_arrays
from tuner.data.sources.base import Source, locate
from tuner.errors import DataError
from tuner.text import count
from tuner.untrusted_files import check_regular, physical_memory, reading

if TYPE_CHECKING:
    from PIL import Image

_FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
"""Endings, and the only formats that are decoded: Pillow knows dozens, and starts Ghostscript for PostScript."""
_DECODED = tuple(dict.fromkeys(_FORMATS.values()))
MAX_PIXELS = 50_000_000
"""Of one image; 450 MB are held while one of this size is decoded and converted."""
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_GREY = frozenset({"1", "L"})
_COLOUR = frozenset({"P", "PA", "LA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"})


def _read(text: str, options: DataOptions, project: Path) -> RawData:
    files, classes, notes = _listed(locate(text, project), text)
    height, width, channels = _wanted(options.shape, text) if options.shape else _common(files, text)
    x = _room(len(files), height, width, channels, text)
    transparent = 0
    for row, file in enumerate(files):
        x[row], alpha = _pixels(file, width, height, channels, text)
        transparent += alpha
    if transparent:
        are = "is" if transparent == 1 else "are"
        notes += (
            f"{transparent} of {count(len(files), 'image')} of {text} {are} transparent in places: the transparency "
            f"was dropped, and the colors were kept. To keep it as a fourth channel, set shape = [{height}, {width}, "
            "4].",
        )
    return from_arrays(text, x, np.asarray(classes, dtype=object), notes=notes)


def _listed(folder: Path, text: str) -> tuple[list[Path], list[str], tuple[str, ...]]:
    """List the image files, with the class of each and a note on what was left out."""
    try:
        names = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        files = [file for name in names for file in sorted(name.iterdir()) if not file.is_dir()]
    except OSError as error:
        raise DataError(f"A folder of images must be readable, but {text} is not: {error}.") from error
    images = [file for file in files if file.suffix.lower() in _FORMATS]
    for name in names:
        if not any(file.parent == name for file in images):
            raise DataError(
                f"Each subfolder must hold images of its class, but {text}/{name.name} holds none. Remove it."
            )
    if not images:
        raise DataError(f"A folder of images must hold one subfolder of images per class, but {text} holds none.")
    left = len(files) - len(images)
    have, were = ("has", "was") if left == 1 else ("have", "were")
    notes = (f"{count(left, 'file')} of {text} {have} no image suffix and {were} left out.",) if left else ()
    return images, [file.parent.name for file in images], notes


def _room(count: int, height: int, width: int, channels: int, text: str) -> Array:
    """Allocate an array for all pixels."""
    size, memory = 4 * count * height * width * channels, physical_memory()
    if memory is not None and size > memory:
        raise DataError(
            f"All images must fit into memory, but {count} of {height} x {width} x {channels} take {size:,} bytes, and "
            f"the machine has {memory:,} ({text}). Set a smaller `shape`."
        )
    return np.empty((count, height, width, channels), np.float32)


def _wanted(shape: tuple[int, ...], text: str) -> tuple[int, int, int]:
    if len(shape) != 3 or shape[2] not in _MODES:
        raise DataError(
            f"`shape` of images must be [height, width, channels] with 1, 3 or 4 channels, "
            f"but got {list(shape)} ({text})."
        )
    return shape[0], shape[1], shape[2]


def _common(files: list[Path], text: str) -> tuple[int, int, int]:
    """Height, width and channels that all images share; color where one image has color."""
    first, channels = None, 1
    for file in files:
        with _opened(file, text) as image:
            size, mode = image.size, image.mode
        if first is not None and size != first:
            raise DataError(
                f"All images must have one size, but {_short(files[0])} has {first[0]} x {first[1]} pixels and "
                f"{_short(file)} {size[0]} x {size[1]} ({text}). Set `shape` to resize them."
            )
        first = size
        channels = channels if mode in _GREY else 3
    assert first is not None  # `_listed` gives at least one file
    return first[1], first[0], channels


@contextmanager
def _opened(file: Path, text: str) -> Iterator[Image.Image]:
    """Open an image without its pixels; an error inside the block names the file."""
    from PIL import Image

    rule = f"an image ({', '.join(_DECODED)})"
    with reading(f"{_short(file)} in {text}", rule, "Replace or remove it.", DataError), warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        check_regular(file)
        with Image.open(file, formats=_DECODED) as image:
            if math.prod(image.size) > MAX_PIXELS:
                raise ValueError(f"{image.size[0]} x {image.size[1]} are more than {MAX_PIXELS:,} pixels")
            yield image


def _pixels(file: Path, width: int, height: int, channels: int, text: str) -> tuple[Array, bool]:
    """One image, 0 to 255, shape `(height, width, channels)`, and whether transparency was left out."""
    from PIL.Image import Resampling

    with _opened(file, text) as image:
        if image.mode not in _GREY | _COLOUR:
            raise DataError(
                f"Images must have 8 bits per channel, but {_short(file)} is of mode {image.mode} ({text}). Convert it."
            )
        whole = image.convert("RGBA") if image.has_transparency_data else image  # a palette may hold it too
        transparent = channels < 4 and whole is not image and any(whole.getchannel("A").histogram()[:255])
        converted = whole.convert(_MODES[channels])
        if converted.size != (width, height):
            converted = converted.resize((width, height), resample=Resampling.BILINEAR)
        return np.asarray(converted, np.float32).reshape(height, width, channels), transparent


def _short(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


IMAGES = Source(
    "images", "folder with one subfolder of images per class, all of one size, or resized to `shape`", _read
)

"""One file of an image: its size, its colors, its pixels."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner.data.dataset import Array
from tuner.errors import DataError
from tuner.text import count
from tuner.untrusted_files import check_regular, reading

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
IMAGE_SUFFIXES = tuple(_FORMATS)
_DECODED = tuple(dict.fromkeys(_FORMATS.values()))
MAX_PIXELS = 50_000_000
"""Of one image; 450 MB are held while one of this size is decoded and converted."""
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Number of channels → what Pillow calls them."""
_GREY = frozenset({"1", "L"})
_COLOUR = frozenset({"P", "PA", "LA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"})


@dataclass(frozen=True)
class ImageFile:
    """An image on the disk.

    Attributes:
        path: The file.
        name: How messages call it: its path in the folder, or its class and name.
        source: The folder as the user named it.
    """

    path: Path
    name: str
    source: str

    def size_and_channels(self) -> tuple[tuple[int, int], int]:
        """Width and height, and 1 channel for grey or 3 for color, without reading the pixels."""
        with self._opened() as image:
            return image.size, 1 if image.mode in _GREY else 3

    def pixels(self, width: int, height: int, channels: int) -> tuple[Array, bool]:
        """Pixels from 0 to 255, shape `(height, width, channels)`, and whether transparency was left out."""
        from PIL.Image import Resampling

        with self._opened() as image:
            if image.mode not in _GREY | _COLOUR:
                raise DataError(
                    f"Images must have 8 bits per channel, but {self.name} is of mode {image.mode} ({self.source}). "
                    "Convert it."
                )
            whole = image.convert("RGBA") if image.has_transparency_data else image  # a palette may hold it too
            transparent = channels < 4 and whole is not image and any(whole.getchannel("A").histogram()[:255])
            converted = whole.convert(MODES[channels])
            if converted.size != (width, height):
                converted = converted.resize((width, height), resample=Resampling.BILINEAR)
            return np.asarray(converted, np.float32).reshape(height, width, channels), transparent

    @contextmanager
    def _opened(self) -> Iterator[Image.Image]:
        """Open the image without its pixels; an error inside the block names the file."""
        from PIL import Image

        what, rule = f"{self.name} in {self.source}", f"an image ({', '.join(_DECODED)})"
        with reading(what, rule, "Replace or remove it.", DataError), warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            check_regular(self.path)
            with Image.open(self.path, formats=_DECODED) as image:
                if math.prod(image.size) > MAX_PIXELS:
                    raise ValueError(f"{image.size[0]} x {image.size[1]} are more than {MAX_PIXELS:,} pixels")
                yield image


def list_images(folders: list[Path], root: Path, source: str) -> tuple[list[ImageFile], tuple[str, ...]]:
    """List the images of some folders by name, with a note on the files that were left out.

    Args:
        folders: Where to look, not further down.
        root: Folder that the names of the images are relative to.
        source: The root as the user named it.

    Raises:
        DataError: A folder cannot be read.
    """
    try:
        files = [file for folder in folders for file in sorted(folder.iterdir()) if not file.is_dir()]
    except OSError as error:
        raise DataError(f"A folder of images must be readable, but {source} is not: {error}.") from error
    paths = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
    left = len(files) - len(paths)
    have, were = ("has", "was") if left == 1 else ("have", "were")
    notes = (f"{count(left, 'file')} of {source} {have} no image suffix and {were} left out.",) if left else ()
    return [ImageFile(path, path.relative_to(root).as_posix(), source) for path in paths], notes


def subfolders(folder: Path, source: str) -> list[Path]:
    """Return the folders in a folder by name, hidden ones apart.

    Raises:
        DataError: It cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise DataError(f"A folder of images must be readable, but {source} is not: {error}.") from error

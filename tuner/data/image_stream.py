"""New images that are read some at a time, so that a folder may be larger than the memory."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tuner.data.dataset import Array
from tuner.data.sources.base import locate
from tuner.data.sources.image_file import IMAGE_SUFFIXES, MODES, ImageFile, list_images, subfolders
from tuner.errors import DataError

_MAX_VALUES = 2_000_000
"""Numbers that are held at once; one image may have more."""


def names_images(text: str, project: Path) -> bool:
    """Return whether a text names an image by its suffix, or a folder.

    Raises:
        DataError: There is no such file or folder.
    """
    return locate(text, project).is_dir() or text.lower().endswith(IMAGE_SUFFIXES)


class ImageStream:
    """An image, or those in a folder and in all folders below it, by name, as the study read its images.

    Args:
        text: Path of the image or folder, relative to the project or absolute.
        project: A folder.
        shape: Height, width and channels of an image of the study.
        resized: Whether the study resized its images to this shape, and converted their colors.

    Attributes:
        path: The image or folder.
        names: Paths of the images, relative to the folder.
        notes: A sentence on the files that are left out.

    Raises:
        DataError: There is no such image or folder, it holds no image, or the name of one is not UTF-8.
    """

    def __init__(self, text: str, project: Path, shape: Sequence[int], resized: bool) -> None:
        self.path, self._shape, self._resized = locate(text, project), shape, resized
        self.notes: tuple[str, ...] = ()
        if self.path.is_dir():
            images, self.notes = list_images(list(_folders(self.path, text, set())), self.path, text)
            self._images = sorted(images, key=lambda image: image.name)
        else:
            self._images = [ImageFile(self.path, self.path.name, str(Path(text).parent))]
        if not self._images:
            raise DataError(
                f"A folder of images to predict must hold some, in it or in folders below, but {text} holds none. "
                f"Their names end in {', '.join(IMAGE_SUFFIXES)}."
            )
        self.names = tuple(image.name for image in self._images)
        if not_utf8 := [name for name in self.names if os.fsencode(name).decode(errors="replace") != name]:
            raise DataError(
                "The answers name the images, so their names must be UTF-8, but that of "
                f"{not_utf8[0]!r} in {text} is not. Rename it."
            )

    def parts(self) -> Iterator[tuple[tuple[str, ...], Array]]:
        """Read the images, some at a time: their names and pixels, `(n, height, width, channels)`.

        Raises:
            DataError: One cannot be read, or is unlike those of the study.
        """
        at_once = max(1, _MAX_VALUES // math.prod(self._shape))
        for start in range(0, len(self._images), at_once):
            images = self._images[start : start + at_once]
            yield self.names[start : start + at_once], np.stack([self._pixels(image) for image in images])

    def _pixels(self, image: ImageFile) -> Array:
        height, width, channels = self._shape
        if not self._resized:
            self._check(image)
        return image.pixels(width, height, channels)[0]

    def _check(self, image: ImageFile) -> None:
        """Refuse an image of another size, or in color if those of the study were grey."""
        height, width, channels = self._shape
        size, found = image.size_and_channels()
        rule = f"Images must be like those of the study, {width} x {height} pixels{' in grey' if channels == 1 else ''}"
        if size != (width, height):
            raise DataError(
                f"{rule}, but {image.name} has {size[0]} x {size[1]} ({image.source}). Resize it, or train a study "
                f"with shape = [{height}, {width}, {channels}] in [data], whose model resizes new images."
            )
        if found > channels:
            raise DataError(f"{rule}, but {image.name} is in color ({image.source}). Convert it to grey.")


def _folders(folder: Path, source: str, seen: set[Path]) -> Iterator[Path]:
    """Give a folder and those below it, hidden ones apart, each once: a link may lead to one above.

    Raises:
        DataError: One cannot be read.
    """
    if (real := folder.resolve()) not in seen:
        seen.add(real)
        yield folder
        for below in subfolders(folder, source):
            yield from _folders(below, source, seen)


def is_image_shape(shape: Sequence[int]) -> bool:
    """Return whether rows of this shape may be images of a folder."""
    return len(shape) == 3 and shape[2] in MODES

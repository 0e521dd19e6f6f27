"""A folder of images: one subfolder a class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tuner.data.data_config import DataOptions
from tuner.data.dataset import Array
from tuner.data.raw_data import RawData, from_arrays
from tuner.data.sources.base import Source, locate
from tuner.data.sources.image_file import MODES, ImageFile, list_images, subfolders
from tuner.errors import DataError
from tuner.text import count, listed_first
from tuner.untrusted_files import physical_memory


def _read(text: str, options: DataOptions, project: Path) -> RawData:
    images, notes = _listed(locate(text, project), text)
    height, width, channels = _wanted(options.shape, images, text) if options.shape else _common(images, text)
    x = _room(len(images), height, width, channels, text)
    transparent = 0
    for row, image in enumerate(images):
        x[row], alpha = image.pixels(width, height, channels)
        transparent += alpha
    if transparent:
        are = "is" if transparent == 1 else "are"
        notes += (
            f"{transparent} of {count(len(images), 'image')} of {text} {are} transparent in places: the transparency "
            f"was dropped, and the colors were kept. To keep it as a fourth channel, set shape = [{height}, {width}, "
            "4].",
        )
    classes = np.array([image.path.parent.name for image in images], dtype=object)
    return from_arrays(text, x, classes, notes=notes)


def _listed(folder: Path, text: str) -> tuple[list[ImageFile], tuple[str, ...]]:
    """List the images of all classes, with a note on what was left out."""
    classes = subfolders(folder, text)
    images, notes = list_images(classes, folder, text)
    for path in classes:
        if not any(image.path.parent == path for image in images):
            raise DataError(
                f"Each subfolder must hold images of its class, but {text}/{path.name} holds none. Remove it."
            )
    deeper = [inner for path in classes for inner in subfolders(path, text)]
    if deeper:
        were = "was" if len(deeper) == 1 else "were"
        notes += (
            f"{count(len(deeper), 'folder')} inside the folders of classes of {text} {were} left out: "
            f"{listed_first([inner.relative_to(folder).as_posix() for inner in deeper], 3)}. "
            "Move their images up into the folder of the class.",
        )
    if not images:
        raise DataError(f"A folder of images must hold one subfolder of images per class, but {text} holds none.")
    return images, notes


def _room(count: int, height: int, width: int, channels: int, text: str) -> Array:
    """Allocate an array for all pixels."""
    size, memory = 4 * count * height * width * channels, physical_memory()
    if memory is not None and size > memory:
        raise DataError(
            f"All images must fit into memory, but {count} of {height} x {width} x {channels} take {size:,} bytes, and "
            f"the machine has {memory:,} ({text}). Set a smaller `shape`."
        )
    return np.empty((count, height, width, channels), np.float32)


def _wanted(shape: tuple[int, ...], images: Sequence[ImageFile], text: str) -> tuple[int, int, int]:
    if len(shape) == 3 and shape[2] in MODES:
        return shape[0], shape[1], shape[2]
    (width, height), channels = images[0].size_and_channels()
    if len(shape) == 3 and shape[0] in MODES:
        meant = [*shape[1:], shape[0]]
    else:
        meant = [*(shape[:2] if len(shape) in (2, 3) else (height, width)), channels]
    raise DataError(
        f"`shape` of images must be [height, width, channels] with 1, 3 or 4 channels, but got {list(shape)} and the "
        f"first image of {text} has {[height, width, channels]}. Write shape = {meant}.",
        key="shape",
    )


def _common(images: Sequence[ImageFile], text: str) -> tuple[int, int, int]:
    """Height, width and channels that all images share; color where one image has color."""
    first, channels = images[0].size_and_channels()
    for image in images[1:]:
        size, more = image.size_and_channels()
        if size != first:
            raise DataError(
                f"All images must have one size, but {images[0].name} has {first[0]} x {first[1]} pixels and "
                f"{image.name} {size[0]} x {size[1]} ({text}). Set `shape` to resize them."
            )
        channels = max(channels, more)
    return first[1], first[0], channels


IMAGES = Source(
    "images", "folder with one subfolder of images per class, all of one size, or resized to `shape`", _read
)

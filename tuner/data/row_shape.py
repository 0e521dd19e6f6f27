"""The shape of a row: whether its numbers have it, and what was probably meant."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tuner.data.sources.image_file import MODES
from tuner.errors import DataError


def check_shape(shape: Sequence[int], given: Sequence[int], source: str, has_columns: bool) -> None:
    """Refuse a `shape` that the numbers of a row do not fill.

    Args:
        shape: What the study says.
        given: Shape of a row of the source.
        source: For messages.
        has_columns: Whether columns can be left out.

    Raises:
        DataError: With the shape that the rows have, and what to write.
    """
    size, wanted = math.prod(given), math.prod(shape)
    if size == wanted:
        return
    has = f"has {size}" if len(given) == 1 else f"has {size}, in the shape {list(given)}"
    square = _square_image(size) if len(given) == 1 else None
    write = [f"write shape = {square}"] if square else []
    drop = ["`drop` columns"] if has_columns else []
    steps = [*write, "leave it out", f"write another one that holds {size}", *drop]
    raise DataError(
        f"`shape` must hold the features of a row, but {list(shape)} holds {wanted} and a row of {source} {has}. "
        f"{', '.join(steps[:-1]).capitalize()} or {steps[-1]}.",
        key="shape",
    )


def channels_last(shape: Sequence[int]) -> tuple[int, ...] | None:
    """Return the shape of an image with its channels last if they are most likely first, else None."""
    if len(shape) == 3 and shape[0] in MODES and shape[2] not in MODES:
        return (*shape[1:], shape[0])
    return None


def _square_image(size: int) -> list[int] | None:
    """Return the shape of a square image of so many numbers, or None if no square has them."""
    for channels in MODES:
        side = math.isqrt(size // channels)
        if side > 1 and side * side * channels == size:
            return [side, side, channels]
    return None

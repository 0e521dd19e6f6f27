"""Rows on the disk as a saved model takes them: of a table, an archive of arrays, or images."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.data import (
    ARRAY_SUFFIXES,
    IMAGE_SUFFIXES,
    TABLE_SUFFIXES,
    ImageStream,
    TableStream,
    is_image_shape,
    names_images,
    open_table,
    read_new_arrays,
)
from tuner.errors import DataError, nearest
from tuner.serving.model_metadata import ModelMetadata
from tuner.serving.model_summary import input_text, takes_images
from tuner.text import listed_first

if TYPE_CHECKING:
    import numpy as np
    import pandas
    import pyarrow

FILE = "file"
"""Column of the answers that names the image."""
_MAX_ROWS, _MAX_VALUES = 65_536, 2_000_000
"""Rows of an array that are answered at once, and numbers in them."""


@dataclass(frozen=True)
class NewRows:
    """Rows that are read some at a time.

    Attributes:
        path: The file or folder.
        kept: Column to repeat before the answers → its type.
        parts: Reads the rows: the columns to repeat, and a table or array of what the model takes.
        left_out: Names of columns or arrays that are neither taken nor repeated.
        notes: Sentences on what was left out.
    """

    path: Path
    kept: Mapping[str, pyarrow.DataType]
    parts: Callable[[], Iterator[tuple[pandas.DataFrame, Any]]]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def open_new_rows(text: str, about: ModelMetadata, keep: Sequence[str] = ()) -> NewRows:
    """Open rows to predict.

    Args:
        text: Path of a table, of a `.npz` or `.npy` file, of an image or of a folder of images.
        about: The model.
        keep: Columns to repeat; arrays of an archive.

    Raises:
        DataError: It is none of these, cannot be read, or is not what the model takes.
    """
    text = text.rstrip("/") or text
    if text.lower().endswith(ARRAY_SUFFIXES):
        return _open_arrays(text, keep)
    if not text.lower().endswith(TABLE_SUFFIXES):  # Spark writes folders of such names
        if names_images(text, Path.cwd()):
            return _open_images(text, about, keep)
        endings = ", ".join((*TABLE_SUFFIXES, *ARRAY_SUFFIXES, *IMAGE_SUFFIXES))
        raise DataError(
            f"Rows to predict must be a file that ends in one of {endings}, or a folder of images, but got {text!r}. "
            "Convert it, or check the name."
        )
    if takes_images(about):
        raise DataError(f"The model takes {input_text(about)}, but got a table ({text}). Name a folder of images.")
    table = open_table(text, Path.cwd(), about.preprocessing.csv_options)
    features = find_features(table, about, keep)
    left_out = tuple(name for name in table.names if name not in {*features, *keep})
    kept = {name: table.types[name] for name in keep}
    return NewRows(table.path, kept, partial(_table_parts, table, about, features, keep), left_out)


def _table_parts(
    table: TableStream, about: ModelMetadata, features: Sequence[str], keep: Sequence[str]
) -> Iterator[tuple[pandas.DataFrame, Any]]:
    given = about.preprocessing
    for part in table.parts(features, {*given.encoders, *keep}, given.missing_values, len(given.features)):
        yield part[list(keep)].reset_index(drop=True), part[list(features)]


def find_features(table: TableStream, about: ModelMetadata, keep: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that the model takes, in the order of the table.

    Raises:
        DataError: The table lacks one of them, or one that is to be kept.
    """
    given = about.preprocessing
    needed = (*given.numbers, *given.encoders)
    for rule, names in (("the columns of the study", needed), ("the columns to keep", keep)):
        missing = [name for name in names if name not in table.names]
        if missing:
            near = nearest(missing[0], [name for name in table.names if name not in needed])
            hint = f" Did you mean {near!r}?" if near else ""
            lacking = listed_first([repr(name) for name in missing], 20)
            raise DataError(
                f"The table must have {rule}, but {table.text} has no {lacking}.{hint} "
                f"It has: {listed_first(table.names, 20)}."
            )
    if not given.features:
        return tuple(name for name in table.names if name not in keep)
    return tuple(name for name in table.names if name in needed)


def _open_arrays(text: str, keep: Sequence[str]) -> NewRows:
    arrays = read_new_arrays(text, Path.cwd(), keep)
    x, columns = arrays["x"], {}
    assert x is not None  # `read_new_arrays` refuses a file without it
    for name in keep:
        values = arrays.get(name)
        if values is None or name == "x":
            others = listed_first([other for other in arrays if other != "x"], 20) or "nothing"
            raise DataError(
                f"The file must hold the arrays to keep, but {text} has no {name!r} beside x. It has: {others}."
            )
        if values.shape != x.shape[:1]:
            raise DataError(
                f"An array to keep must have one value for each row of x, but {name!r} has the shape {values.shape} "
                f"and x {x.shape} ({text}). Keep another one."
            )
        columns[name] = _as_column(name, values, text)
    rows = max(1, min(_MAX_ROWS, _MAX_VALUES // max(1, math.prod(x.shape[1:]))))
    kept = {name: kind for name, (_, kind) in columns.items()}
    beside = {name: values for name, (values, _) in columns.items()}
    left_out = tuple(name for name in arrays if name not in ("x", *keep))
    return NewRows(Path(text), kept, partial(_array_parts, x, beside, rows), left_out)


def _as_column(name: str, values: np.ndarray, text: str) -> tuple[np.ndarray, pyarrow.DataType]:
    """Return an array to keep in the order of bytes of this machine, and its type as a column.

    Raises:
        DataError: A column cannot hold it.
    """
    import pandas
    import pyarrow

    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    try:
        with contextlib.suppress(pyarrow.ArrowNotImplementedError):
            return native, pyarrow.array(native).type
        return native, pyarrow.array(pandas.Series(native)).type  # dates to the minute or year, as seconds
    except (pyarrow.ArrowException, TypeError, ValueError) as error:
        raise DataError(
            f"An array to keep must hold texts, numbers or dates that a table can hold, but {name!r} is of type "
            f"{values.dtype} ({text}). Keep another one, or convert it."
        ) from error


def _array_parts(x: Any, beside: Mapping[str, Any], rows: int) -> Iterator[tuple[pandas.DataFrame, Any]]:
    import pandas

    for start in range(0, len(x), rows):
        part = slice(start, start + rows)
        yield pandas.DataFrame({name: values[part] for name, values in beside.items()}), x[part]


def _open_images(text: str, about: ModelMetadata, keep: Sequence[str]) -> NewRows:
    import pyarrow

    if not takes_images(about):
        pixels = ": their pixels may mean something else" if is_image_shape(about.preprocessing.shape) else ""
        raise DataError(
            f"The model takes {input_text(about)}, but got images ({text}){pixels}. Name a file of such rows."
        )
    if unknown := [name for name in keep if name != FILE]:
        raise DataError(f"Images have no columns to keep, but got {unknown[0]!r}. The answers name the {FILE} of each.")
    resized = about.recipe.data.get("shape") is not None
    images = ImageStream(text, Path.cwd(), about.preprocessing.shape, resized)
    return NewRows(images.path, {FILE: pyarrow.string()}, partial(_image_parts, images), notes=images.notes)


def _image_parts(images: ImageStream) -> Iterator[tuple[pandas.DataFrame, Any]]:
    import pandas

    for names, pixels in images.parts():
        yield pandas.DataFrame({FILE: names}), pixels

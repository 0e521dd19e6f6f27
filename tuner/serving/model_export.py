"""Write a saved model in another format, checked against it on rows."""

from __future__ import annotations

import json
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner.catalog import Task
from tuner.data import RowEncoder
from tuner.errors import UsageError
from tuner.output_files import check_folder, check_output, publish, publish_folder
from tuner.serving.exported_input_description import describe_rows
from tuner.serving.model_formats import MODEL_FORMATS, ModelFormat
from tuner.serving.model_metadata import ModelMetadata, read_about
from tuner.serving.new_rows import open_new_rows
from tuner.serving.predictor import SavedModel, load_saved
from tuner.serving.synthetic_rows import draw_rows
from tuner.text import count
from tuner.untrusted_files import reason

if TYPE_CHECKING:
    import keras

ROWS = 256
"""How many rows are compared."""
DESCRIPTION = "keras_studies.json"
"""Name of the description in a folder; beside a file it is the file's name with `.json` behind."""
_TOLERANCE = 1e-3
"""How far answers may be apart: of a probability, or in units of the spread of the values."""


@dataclass(frozen=True)
class ModelExport:
    """What was exported.

    Attributes:
        file: The file or folder.
        description: The file beside or in it that says what a row is.
        difference: The largest difference of an answer from that of the saved model.
        rows: Number of rows that were compared.
    """

    file: Path
    description: Path
    difference: float
    rows: int


def export_model(model: Path, kind: str, output: Path, *, check: str | None, force: bool) -> ModelExport:
    """Write a saved model in another format.

    Args:
        model: A file that `tuner train` wrote.
        kind: Name of the format.
        output: File or folder to write, whole or not at all.
        check: Rows to compare the answers on, a file or folder as for predictions; without it they are drawn.
        force: Whether a file, or a folder of this format, may be written over.

    Raises:
        UsageError: A package is missing, or the model cannot be loaded or exported, or answers otherwise afterwards.
        DataError: The rows to compare cannot be read.
    """
    wanted = MODEL_FORMATS[kind]
    description = _check_place(wanted, output, force)
    wanted.check_installed()
    about = read_about(model)
    saved = load_saved(model)
    shape = tuple(saved.model.input_shape[1:])
    rows = draw_rows(about.preprocessing, shape, ROWS) if check is None else _read_rows(check, about, shape)
    with tempfile.TemporaryDirectory(prefix="tuner-export-") as folder:
        made, text = Path(folder) / f"model{wanted.suffix}", Path(folder) / DESCRIPTION
        difference = _write_checked(saved, wanted, made, rows)
        content = describe_rows(about, shape, saved.model.output_shape[-1], wanted.dtype)
        text.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        if wanted.suffix:
            publish(text, description)
            publish(made, output)
        else:
            text.rename(made / DESCRIPTION)
            publish_folder(made, output)
    return ModelExport(output, description, difference, len(rows))


def _check_place(wanted: ModelFormat, output: Path, force: bool) -> Path:
    """Refuse a place that cannot be written; return that of the description."""
    if not wanted.suffix:
        check_folder(output, DESCRIPTION, force)
        return output / DESCRIPTION
    description = output.with_name(f"{output.name}.json")
    check_output(output, (wanted.suffix,), force)
    check_output(description, (), force)
    return description


def _read_rows(file: str, about: ModelMetadata, shape: tuple[int, ...]) -> np.ndarray:
    """Read the first rows of a file, encoded.

    Raises:
        DataError: It has none, or they are no rows of the study.
    """
    _, part = next(open_new_rows(file, about).parts(), (None, ()))
    if not len(part):
        raise UsageError(f"A comparison needs rows, but {file} has none. Name another file.")
    return RowEncoder(about.preprocessing, shape, from_file=True).encode(part[:ROWS])


def _for_inference(model: keras.Model) -> keras.Model:
    """Return the model with its layers called as in `predict`.

    Keras exports what a plain call computes, and for a layer that augments images its default is training: predictions
    would be of images that are turned at random.
    """
    import keras

    rows = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype, name=model.inputs[0].name)
    return keras.Model(rows, model(rows, training=False), name=model.name)


def _write_checked(saved: SavedModel, wanted: ModelFormat, made: Path, rows: np.ndarray) -> float:
    """Write the model, load it again and compare; return the largest difference.

    Raises:
        UsageError: It cannot be written or loaded, or answers otherwise.
    """
    from tuner.serving.float32_model import to_float32

    expected = np.asarray(saved.encoded_scores(rows), np.float64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of converters about their own future
            wanted.write(_for_inference(saved.model if wanted.dtype == "float64" else to_float32(saved.model)), made)
            found = np.asarray(wanted.load(made)(rows.astype(wanted.dtype)), np.float64)
    except Exception as error:  # converters raise anything
        raise UsageError(
            f"The model must be one that can be written as {wanted.name}, but cannot: {type(error).__name__}: "
            f"{reason(error)}. Use another --format."
        ) from error
    unit = float(np.ptp(expected)) if saved.about.recipe.task is Task.REGRESSION else 1.0
    difference = float(np.abs(found - expected).max()) if found.shape == expected.shape else np.inf
    if not difference <= _TOLERANCE * unit:  # NaN as well
        cause = (
            "A column whose mean is large relative to its spread loses digits in float32: use --format savedmodel, or "
            "shift the column in the data."
            if wanted.dtype == "float32"
            else "A layer computes something else when it is exported, such as random numbers: change it in the model "
            "file, and train again."
        )
        raise UsageError(
            f"The exported model must predict as the saved one does, but on {count(len(rows), 'row')} its predictions "
            f"are up to {difference:.3g} apart. {cause}"
        )
    return difference

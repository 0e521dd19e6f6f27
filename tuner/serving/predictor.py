"""Predict with a model that `tuner train` has saved: rows of a table, arrays or images in, classes or values out."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.catalog import Task, import_tensorflow
from tuner.data import TABLE_SUFFIXES, RowEncoder, encode_rows, warn_of_data
from tuner.errors import UsageError
from tuner.serving.model_metadata import ModelMetadata, read_about
from tuner.serving.new_rows import open_new_rows
from tuner.serving.prediction_columns import check_finite, decide, prediction_columns
from tuner.text import element, one_line, plain_table
from tuner.untrusted_files import reading

if TYPE_CHECKING:
    import keras
    import pandas

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class SavedModel:
    """A model that `tuner train` has saved.

    Attributes:
        model: The Keras model: rows of the source in, scores or values out.
        about: What it is.
    """

    model: keras.Model
    about: ModelMetadata

    def __repr__(self) -> str:
        facts = "; ".join(f"{name} {text}" for name, text in self._facts().items())
        return one_line(f"<SavedModel: {facts}>")

    def _repr_html_(self) -> str:
        warning = None if self.about.warning is None else element("p", element("strong", self.about.warning))
        calls = element("code", "predict(rows)"), ", ", element("code", "predict_table(rows)"), ", "
        rows = [*self._facts().items(), ("calls", [*calls, element("code", "scores(rows)")])]
        return element("div", warning, plain_table("Saved model", rows))

    def _facts(self) -> dict[str, str]:
        return self.about.facts(self.model.input_shape[1:])

    def scores(self, rows: Any) -> np.ndarray:
        """Compute scores in [0, 1], one per class or label, or values in the unit of the target; `(n, k)`.

        Args:
            rows: A pandas table with the columns that the study had, texts included, in any order, among others and of
                any type that holds the same values; or an array `(n, ..., d)` of numbers; or the path of a CSV or
                Parquet file, of a `.npz` or `.npy` file, of an image or of a folder of images, which are in the order
                of their paths.  Without rows the array is empty.

        Warns:
            DataWarning: A category was not in the study, and the row counts as belonging to none; or files of a folder
                are no images.

        Raises:
            DataError: A column is not there, or a cell is missing, infinite or of another kind than in the study; an
                array has another shape; an image is unlike those of the study.
        """
        return self._answer(rows)[1]

    def predict(self, rows: Any) -> np.ndarray:
        """Predict each row: the name of its class, `(n,)`; 0 or 1 for each label, `(n, labels)`; or a value.

        Values have the shape `(n,)`, or `(n, targets)` for several targets.  `rows`, warnings and errors are those of
        `scores`.

        Raises:
            DataError: The scores of a row are not finite, so it has no prediction.
        """
        _, scores = self._answer(rows)
        check_finite(scores)
        return decide(scores, self.about)

    def predict_table(self, rows: Any) -> pandas.DataFrame:
        """Predict each row as `tuner predict` does: the columns `prediction` and `probability_…` of each class.

        Images of a folder have the column `file` before them.

        `rows`, warnings and errors are those of `predict`.
        """
        import pandas

        names, scores = self._answer(rows)
        check_finite(scores)
        return pandas.DataFrame({**names, **prediction_columns(scores, self.about)})

    def _answer(self, rows: Any) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Return columns that name the rows, if they are files, and the scores."""
        given, shape = self.about.preprocessing, tuple(self.model.input_shape[1:])
        if not isinstance(rows, str | os.PathLike) or os.fspath(rows).lower().endswith(TABLE_SUFFIXES):
            return {}, self.encoded_scores(encode_rows(rows, given, shape))
        found, encoder = open_new_rows(os.fspath(rows), self.about), RowEncoder(given, shape)
        for note in found.notes:
            warn_of_data(note)
        names: dict[str, list[Any]] = {name: [] for name in found.kept}
        scores, before = [self.encoded_scores(np.empty((0, *shape)))], 0
        for kept, part in found.parts():
            for name, values in names.items():
                values.extend(kept[name])
            scores.append(self.encoded_scores(replace(encoder, before=before).encode(part)))
            before += len(part)
        return {name: np.array(values, object) for name, values in names.items()}, np.concatenate(scores)

    def encoded_scores(self, x: np.ndarray) -> np.ndarray:
        """Compute `scores` of rows that are encoded: float64, shape `(n, ..., d)`."""
        # `model.predict` would make float32 of the rows before they are scaled.
        with reading("The model", "one that answers", "Train it again.", UsageError):
            parts = [
                self.model.predict_on_batch(x[start : start + _ROWS_AT_ONCE])
                for start in range(0, len(x), _ROWS_AT_ONCE)
            ]
        return np.concatenate(parts) if parts else np.empty((0, *self.model.output_shape[1:]), np.float32)


def load_saved(file: Path) -> SavedModel:
    """Load a saved model.

    Raises:
        UsageError: It was not saved by `tuner train`, or has layers that are not known here.
    """
    about = read_about(file)
    own = ", ".join(about.own)
    step = f"It needs code of its own ({own}): import the file that registers it first." if own else "Train it again."
    import_tensorflow()
    with reading(str(file), "a model that Keras can load", step, UsageError):
        from tuner.serving.model_loader import load_model

        model = load_model(file)
        task, outputs, classes = about.recipe.task, model.output_shape[-1], len(about.classes)
        if (outputs, classes) != {Task.BINARY: (1, 2), Task.REGRESSION: (outputs, 0)}.get(task, (classes, outputs)):
            raise ValueError(f"its model gives {outputs} outputs, and it names {classes} classes ({task})")
        return SavedModel(model, about)

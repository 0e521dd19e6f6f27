"""Predict with a model that `tuner train` has saved: rows of a table in, classes or values out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.catalog import Task, import_tensorflow
from tuner.data import encode_rows
from tuner.errors import UsageError
from tuner.serving.model_metadata import ModelMetadata, read_about
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
                any type that holds the same values; or the path of a CSV or Parquet file with them; or an array
                `(n, ..., d)` of numbers.  Without rows the array is empty.

        Warns:
            DataWarning: A category was not in the study; the row counts as belonging to none.

        Raises:
            DataError: A column is not there, or a cell is missing, infinite or of another kind than in the study; an
                array has another shape.
        """
        return self._encoded_scores(rows)

    def predict(self, rows: Any) -> np.ndarray:
        """Predict each row: the name of its class, `(n,)`; 0 or 1 for each label, `(n, labels)`; or a value.

        Values have the shape `(n,)`, or `(n, targets)` for several targets.  `rows`, warnings and errors are those of
        `scores`.

        Raises:
            DataError: The scores of a row are not finite, so it has no prediction.
        """
        scores = self._encoded_scores(rows)
        check_finite(scores)
        return decide(scores, self.about)

    def predict_table(self, rows: Any) -> pandas.DataFrame:
        """Predict each row as `tuner predict` does: the columns `prediction` and `probability_…` of each class.

        `rows`, warnings and errors are those of `predict`.
        """
        import pandas

        scores = self._encoded_scores(rows)
        check_finite(scores)
        return pandas.DataFrame(prediction_columns(scores, self.about))

    def _encoded_scores(self, rows: Any) -> np.ndarray:
        return self.encoded_scores(encode_rows(rows, self.about.preprocessing, tuple(self.model.input_shape[1:])))

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

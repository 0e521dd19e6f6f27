"""A saved model in use: rows as people have them in, answers as people say them out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.data import encode_rows
from tuner.retraining.about import About, read_about
from tuner.training import Task

if TYPE_CHECKING:
    import keras

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Saved:
    """A model that `tuner train` has saved.

    Attributes:
        model: The Keras model: rows of the source in, scores or values out.
        about: What it is.
    """

    model: keras.Model
    about: About

    def scores(self, rows: Any) -> np.ndarray:
        """Scores in [0, 1], one a class or label, or values in the unit of the target; `(n, k)`.

        Args:
            rows: A pandas table with the columns that the study had, texts included, in any order and beside others; or
                an array `(n, ..., d)` of numbers.

        Raises:
            DataError: The table lacks a column, or the array has another shape.
        """
        x = encode_rows(rows, self.about.preprocessing, tuple(self.model.input_shape[1:]))
        found: np.ndarray = self.model.predict(x, batch_size=_ROWS_AT_ONCE, verbose=0)
        return found

    def predict(self, rows: Any) -> np.ndarray:
        """The answer for each row: name of its class, `(n,)`; 0 or 1 for each label, `(n, labels)`; or its value.

        Values have the shape `(n,)`, or `(n, targets)` for several targets.  `rows` is as for `scores`.
        """
        scores, classes = self.scores(rows), np.array(self.about.classes, dtype=object)
        match self.about.recipe.task:
            case Task.MULTICLASS:
                return np.asarray(classes[scores.argmax(axis=1)])
            case Task.BINARY:
                return np.asarray(classes[(scores[:, 0] > 0.5).astype(int)])
            case Task.MULTILABEL:
                return (scores > 0.5).astype(int)
        return scores[:, 0] if scores.shape[1] == 1 else scores


def load_saved(file: Path) -> Saved:
    """The saved model of a file.

    Raises:
        UsageError: It was not saved by `tuner train`, or has layers that are not known here.
    """
    from tuner.errors import UsageError

    about = read_about(file)
    import keras

    try:
        return Saved(keras.saving.load_model(file), about)
    except (TypeError, ValueError) as error:
        own = f" It has layers of its own ({', '.join(about.own)}): import the file that registers them first."
        raise UsageError(
            f"{file} cannot be loaded by Keras: {' '.join(str(error).split())[:200]}.{own if about.own else ''}"
        ) from error

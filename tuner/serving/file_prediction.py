"""Answer a file of any size, part after part: a table, arrays, or images."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from tuner.data import RowEncoder, UnknownText
from tuner.errors import DataError, UsageError
from tuner.output_files import check_output
from tuner.serving.model_metadata import read_about
from tuner.serving.new_rows import NewRows, open_new_rows
from tuner.serving.prediction_columns import check_finite, prediction_columns
from tuner.serving.prediction_writer import OUTPUT_SUFFIXES, PredictionWriter, open_writer
from tuner.serving.predictor import SavedModel, load_saved

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class FilePrediction:
    """What was predicted.

    Attributes:
        rows: Number of rows.
        columns: Columns of the answers, those that were kept first.
        left_out: Columns or arrays of the data that are neither features nor kept.
        unknown: For each text column, the texts that the study did not have, and the missing ones if it had no such
            rows; only if they are allowed, or a model of an older version does not say.
        warning: What is to be known of the model, or None.
        notes: Sentences on files of a folder of images that were left out.
    """

    rows: int
    columns: tuple[str, ...]
    left_out: tuple[str, ...]
    unknown: tuple[UnknownText, ...]
    warning: str | None = None
    notes: tuple[str, ...] = ()


def predict_file(
    model: Path, data: str, output: Path | BinaryIO, *, keep: Sequence[str], allow_unknown: bool, force: bool
) -> FilePrediction:
    """Answer each row of a file, in its order.

    Args:
        model: A file that `tuner train` wrote.
        data: A CSV or Parquet file with the columns that the study had, in any order; a `.npz` or `.npy` file; or an
            image, or a folder of them.
        output: File to write, whole or not at all; or an open one, which gets CSV.
        keep: Columns, or arrays beside x, to repeat before the predictions; images are named in any case.
        allow_unknown: Whether to accept categories that the study did not have, instead of raising an error.
        force: Whether a file may be written over.

    Raises:
        DataError: A column is missing, or a cell is missing, of another kind or unknown, with its row and column.
        UsageError: The model cannot be loaded, or the file cannot be written.
    """
    about, keep = read_about(model), tuple(dict.fromkeys(keep))
    if isinstance(output, Path):
        check_output(output, OUTPUT_SUFFIXES, force)
    rows = open_new_rows(data, about, keep)
    if isinstance(output, Path) and output.exists() and output.samefile(rows.path):
        raise UsageError(f"Predictions must not overwrite the data, but got {data!r} twice. Name another.")
    work = _Prediction(load_saved(model), rows, allow_unknown)
    with open_writer(work.schema, output) as writer:
        number = work.run(writer)
    unknown = tuple(work.unknown.values())
    return FilePrediction(number, tuple(work.schema.names), rows.left_out, unknown, about.warning, rows.notes)


class _Prediction:
    """The answers to the rows of one file.

    Args:
        saved: The model.
        rows: The rows.
        allow_unknown: Whether unknown texts are counted instead of refused.

    Attributes:
        schema: Names and types of the columns of the answers.
        unknown: Text column, and whether the texts are missing → the texts that the study did not have.
    """

    def __init__(self, saved: SavedModel, rows: NewRows, allow_unknown: bool) -> None:
        self._saved, self._rows, self._allow_unknown = saved, rows, allow_unknown
        self.unknown: dict[tuple[str, bool], UnknownText] = {}
        self.schema = self._schema()

    def run(self, writer: PredictionWriter) -> int:
        """Answer all rows; return their number."""
        given, before = self._saved.about.preprocessing, 0
        encoder = RowEncoder(given, tuple(self._saved.model.input_shape[1:]), True, 0, self._count_unknown)
        for kept, part in self._rows.parts():
            scores = self._saved.encoded_scores(dataclasses.replace(encoder, before=before).encode(part))
            check_finite(scores, before)
            writer.write(kept.assign(**prediction_columns(scores, self._saved.about)))
            before += len(part)
        return before

    def _schema(self) -> pyarrow.Schema:
        """Return the columns that are kept, and those of the answer to a row of zeros.

        Raises:
            UsageError: A column that is kept is called as one of the answers.
        """
        import pandas
        import pyarrow

        model, about = self._saved.model, self._saved.about
        scores = self._saved.encoded_scores(np.zeros((1, *model.input_shape[1:])))
        answers = pandas.DataFrame(prediction_columns(scores, about))
        named = pyarrow.Schema.from_pandas(answers, preserve_index=False)
        twice = [name for name in self._rows.kept if name in named.names]
        if twice:
            raise UsageError(f"A kept column must not have the name of a prediction, but got {twice[0]!r}. Rename it.")
        kept = [pyarrow.field(name, kind) for name, kind in self._rows.kept.items()]
        return pyarrow.schema([*kept, *named])

    def _count_unknown(self, found: UnknownText) -> None:
        if not self._allow_unknown and not found.may_be_known:
            step = "Fill it in" if found.text is None else f"{found.known} Correct it"
            raise DataError(
                f"{str(found)[0].upper()}{str(found)[1:]}. {step}, or accept unknown categories with --allow-unknown."
            )
        key = found.column, found.text is None
        first = self.unknown.setdefault(key, dataclasses.replace(found, rows=0))
        self.unknown[key] = dataclasses.replace(first, rows=first.rows + found.rows)

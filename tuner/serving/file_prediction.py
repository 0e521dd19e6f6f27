"""Answer a table of any size, part after part, in constant memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tuner.data import RowEncoder, TableStream, UnknownText, open_table
from tuner.errors import DataError, UsageError, nearest
from tuner.output_files import check_output
from tuner.serving.model_metadata import ModelMetadata, read_about
from tuner.serving.prediction_columns import check_finite, prediction_columns
from tuner.serving.prediction_writer import OUTPUT_SUFFIXES, PredictionWriter, open_writer
from tuner.serving.predictor import SavedModel, load_saved
from tuner.text import listed_first

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class FilePrediction:
    """What was predicted.

    Attributes:
        rows: Number of rows.
        columns: Columns of the answers, those that were kept first.
        left_out: Columns of the data that are neither features nor kept.
        unknown: For each text column, the texts that the study did not have, and the missing ones if it had no such
            rows; only if they are allowed, or a model of an older version does not say.
        warning: What is to be known of the model, or None.
    """

    rows: int
    columns: tuple[str, ...]
    left_out: tuple[str, ...]
    unknown: tuple[UnknownText, ...]
    warning: str | None = None


def predict_file(
    model: Path, data: str, output: Path | BinaryIO, *, keep: Sequence[str], allow_unknown: bool, force: bool
) -> FilePrediction:
    """Answer each row of a table, in its order.

    Args:
        model: A file that `tuner train` wrote.
        data: A CSV or Parquet file with the columns that the study had, in any order.
        output: File to write, whole or not at all; or an open one, which gets CSV.
        keep: Columns of the data to repeat before the predictions.
        allow_unknown: Whether to accept categories that the study did not have, instead of raising an error.
        force: Whether a file may be written over.

    Raises:
        DataError: A column is missing, or a cell is missing, of another kind or unknown, with its row and column.
        UsageError: The model cannot be loaded, or the file cannot be written.
    """
    about, keep = read_about(model), tuple(dict.fromkeys(keep))
    if isinstance(output, Path):
        check_output(output, OUTPUT_SUFFIXES, force)
    table = open_table(data, Path.cwd(), about.preprocessing.csv_options)
    if isinstance(output, Path) and output.exists() and output.samefile(table.path):
        raise UsageError(f"Predictions must not overwrite the data, but got {data!r} twice. Name another.")
    features = find_features(table, about, keep)
    work = _Prediction(load_saved(model), table, features, keep, allow_unknown)
    with open_writer(work.schema, output) as writer:
        rows = work.run(writer)
    left_out = tuple(name for name in table.names if name not in {*features, *keep})
    return FilePrediction(rows, tuple(work.schema.names), left_out, tuple(work.unknown.values()), about.warning)


class _Prediction:
    """The answers to one table.

    Args:
        saved: The model.
        table: The rows.
        features: Columns that the model takes.
        keep: Columns to repeat.
        allow_unknown: Whether unknown texts are counted instead of refused.

    Attributes:
        schema: Names and types of the columns of the answers.
        unknown: Text column, and whether the texts are missing → the texts that the study did not have.
    """

    def __init__(
        self,
        saved: SavedModel,
        table: TableStream,
        features: tuple[str, ...],
        keep: tuple[str, ...],
        allow_unknown: bool,
    ) -> None:
        self._saved, self._table, self._features, self._keep = saved, table, features, keep
        self._allow_unknown = allow_unknown
        self.unknown: dict[tuple[str, bool], UnknownText] = {}
        self.schema = self._schema()

    def run(self, writer: PredictionWriter) -> int:
        """Answer all rows; return their number."""
        given, before = self._saved.about.preprocessing, 0
        encoder = RowEncoder(given, tuple(self._saved.model.input_shape[1:]), True, 0, self._count_unknown)
        texts = {*given.encoders, *self._keep}
        for part in self._table.parts(self._features, texts, given.missing_values):
            x = dataclasses.replace(encoder, before=before).encode(part[list(self._features)])
            scores = self._saved.encoded_scores(x)
            check_finite(scores, before)
            answers = part[list(self._keep)].reset_index(drop=True)
            writer.write(answers.assign(**prediction_columns(scores, self._saved.about)))
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
        import numpy as np

        scores = self._saved.encoded_scores(np.zeros((1, *model.input_shape[1:])))
        answers = pandas.DataFrame(prediction_columns(scores, about))
        named = pyarrow.Schema.from_pandas(answers, preserve_index=False)
        twice = [name for name in self._keep if name in named.names]
        if twice:
            raise UsageError(f"A kept column must not have the name of a prediction, but got {twice[0]!r}. Rename it.")
        kept = [pyarrow.field(name, self._table.types[name]) for name in self._keep]
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

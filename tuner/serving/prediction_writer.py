"""Tables of answers on their way to a file: CSV or Parquet, part after part."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from tuner.errors import DataError
from tuner.output_files import partial_file
from tuner.text import csv_cell

if TYPE_CHECKING:
    import pandas
    import pyarrow

_PARQUET_SUFFIXES = (".parquet", ".pq")
OUTPUT_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", *_PARQUET_SUFFIXES)


class PredictionWriter(ABC):
    """Writes a table.

    Args:
        schema: Names and types of its columns.
    """

    def __init__(self, schema: pyarrow.Schema) -> None:
        self._schema = schema

    def write(self, part: pandas.DataFrame) -> None:
        """Write some more rows.

        Raises:
            DataError: A column is of a type that the format does not have.
        """
        import pyarrow

        try:
            self._write(pyarrow.Table.from_pandas(part, schema=self._schema, preserve_index=False))
        except pyarrow.ArrowException as error:
            if isinstance(error, OSError):
                raise
            raise DataError(
                f"The columns that are kept must be texts, numbers or dates, but one is not: {error}. Keep another."
            ) from error

    @abstractmethod
    def _write(self, table: pyarrow.Table) -> None:
        """Write some more rows."""


class CsvWriter(PredictionWriter):
    """Writes CSV in which no text is a formula of a spreadsheet; numbers stay numbers.

    Args:
        schema: Names and types of its columns.
        sink: Where to; stays open.
        separator: Between the cells of a row.
    """

    def __init__(self, schema: pyarrow.Schema, sink: BinaryIO, separator: str = ",") -> None:
        super().__init__(schema)
        self._sink, self._separator = sink, separator
        names = io.StringIO(newline="")
        csv.writer(names, delimiter=separator, lineterminator="\n").writerow([csv_cell(name) for name in schema.names])
        sink.write(names.getvalue().encode())

    def _write(self, table: pyarrow.Table) -> None:
        import pyarrow
        from pyarrow import compute

        if not len(table):
            return
        cells = [self._cells(column.combine_chunks()) for column in table.columns]
        lines = compute.binary_join_element_wise(
            *cells, pyarrow.scalar(self._separator, pyarrow.large_string()), null_handling="replace"
        )
        self._sink.write("\n".join([*lines.to_pylist(), ""]).encode())

    def _cells(self, column: pyarrow.Array) -> pyarrow.Array:
        """Give the cells of a column as they are written; of a column of texts each distinct one is looked at once."""
        import pyarrow
        from pyarrow import types

        text = pyarrow.large_string()
        encoded = types.is_dictionary(column.type)
        kind = column.type.value_type if encoded else column.type
        if not (types.is_string(kind) or types.is_large_string(kind)):
            return column.cast(text)
        column = column if encoded else column.dictionary_encode()
        words = [self._quoted(csv_cell(word)) for word in column.dictionary.to_pylist()]
        return pyarrow.array(words, text).take(column.indices)

    def _quoted(self, text: str) -> str:
        if not any(character in text for character in (self._separator, '"', "\n", "\r")):
            return text
        return '"' + text.replace('"', '""') + '"'


class ParquetWriter(PredictionWriter):
    """Writes Parquet.

    Args:
        schema: Names and types of its columns.
        file: Where to.
    """

    def __init__(self, schema: pyarrow.Schema, file: Path) -> None:
        super().__init__(schema)
        from pyarrow import parquet

        self._file = parquet.ParquetWriter(file, schema)

    def _write(self, table: pyarrow.Table) -> None:
        self._file.write_table(table)

    def close(self) -> None:
        """Write what ends the file."""
        self._file.close()


@contextlib.contextmanager
def open_writer(schema: pyarrow.Schema, output: Path | BinaryIO) -> Iterator[PredictionWriter]:
    """Write a table to a file, which is whole at the end or not there, or as CSV to an open one.

    Raises:
        UsageError: The file cannot be written.
    """
    if not isinstance(output, Path):
        yield CsvWriter(schema, output)
        return
    name = output.name.lower()
    with partial_file(output) as partial:
        if name.endswith(_PARQUET_SUFFIXES):
            with contextlib.closing(ParquetWriter(schema, partial)) as writer:
                yield writer
            return
        packed = name.endswith(".gz")
        with cast(BinaryIO, gzip.open(partial, "wb")) if packed else partial.open("wb") as file:
            yield CsvWriter(schema, file, "\t" if ".tsv" in name else ",")

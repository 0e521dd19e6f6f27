"""Tables that are read in parts, so that a file may be larger than the memory: CSV and Parquet.

A part is what the reader of whole tables gives of the same rows: number columns are typed, text columns are texts.
"""

from __future__ import annotations

import io
import warnings
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tuner.data.cells import column_name
from tuner.data.csv_options import DEFAULT_CSV_OPTIONS, CsvOptions
from tuner.data.pandas_columns import check_names
from tuner.data.sources.base import locate_file
from tuner.data.sources.csv_format import HEAD_BYTES, find_format, open_bytes
from tuner.data.sources.decode_errors import decoding
from tuner.data.sources.tabular import is_parquet
from tuner.errors import DataError
from tuner.untrusted_files import check_regular, physical_memory, reading

if TYPE_CHECKING:
    import pandas
    import pyarrow

MAX_ROWS = 65_536
"""Rows of a part; fewer if there are many columns."""
MAX_CELLS = 2_000_000
MAX_PART_BYTES = 512_000_000
"""What one part of a CSV file may take: a quote that never ends would make the rest of the file one cell."""
MISSING_NUMBERS = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
    *("NULL", "NaN", "None", "n/a", "nan", "null"),
)
"""What pandas takes for a missing number, unless it is told."""


class TableStream(ABC):
    """A table on the disk.

    Args:
        path: The file.
        text: The file as the user named it.

    Attributes:
        names: Names of its columns, each once.
        types: Type of each column that is taken as it is; a text in CSV.
    """

    names: tuple[str, ...]
    types: Mapping[str, pyarrow.DataType]

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.text = path, text

    def parts(
        self, numbers: Collection[str], texts: Collection[str], missing_values: Collection[str], encoded: int = 0
    ) -> Iterator[pandas.DataFrame]:
        """Read the rows, some at a time.

        Args:
            numbers: Columns of numbers.
            texts: Columns whose cells are taken as texts, whatever they look like; in Parquet, as they are.
            missing_values: Texts that count as missing numbers.
            encoded: Numbers that a row becomes, which may be more than its columns.

        Raises:
            DataError: The file is damaged, or a row has more cells than the first.
        """
        wanted = [name for name in self.names if name in {*numbers, *texts}]
        rows = max(1, min(MAX_ROWS, MAX_CELLS // max(1, len(wanted), encoded)))
        found = self._parts(wanted, frozenset(texts), missing_values, rows)
        while True:
            with reading(self.text, "a table", "Check the file.", DataError), warnings.catch_warnings():
                import pandas

                warnings.simplefilter("error", category=pandas.errors.ParserWarning)  # rows of another length
                part = next(found, None)
            if part is None:
                return
            yield part

    @abstractmethod
    def _parts(
        self, wanted: list[str], texts: frozenset[str], missing_values: Collection[str], rows: int
    ) -> Iterator[pandas.DataFrame]:
        """Read these columns, at most this many rows at a time."""


class _CsvStream(TableStream):
    def __init__(self, path: Path, text: str, csv_options: CsvOptions) -> None:
        super().__init__(path, text)
        with reading(text, "a table of text", "Check the file.", DataError):
            check_regular(path)
            with open_bytes(path) as file:
                head = file.read(HEAD_BYTES)
        self._format = find_format(head, text, csv_options)
        self.names = tuple(self._format.column_names)
        import pyarrow

        self.types = dict.fromkeys(self.names, pyarrow.string())

    def _parts(
        self, wanted: list[str], texts: frozenset[str], missing_values: Collection[str], rows: int
    ) -> Iterator[pandas.DataFrame]:
        import pandas

        typed = [name for name in wanted if name not in texts]
        with decoding(self.path, self.text, self._format), open_bytes(self.path) as file:
            counted = _CountedFile(self._format.rows(file))
            reader = pandas.read_csv(
                counted,
                header=0 if self._format.header else None,
                names=list(self.names),
                dtype=dict.fromkeys(texts, object),
                keep_default_na=False,
                na_values={
                    **{name: [*MISSING_NUMBERS, *missing_values] for name in typed},
                    **{name: [""] for name in texts},
                },
                low_memory=False,  # the type of a column is that of all its cells, not of a first part
                chunksize=rows,
                **self._format.options,
            )
            # All columns are read: with `usecols` pandas says nothing of a row with too many cells.
            for part in reader:
                counted.count = 0
                yield part[wanted]


class _CountedFile(io.RawIOBase):
    """A file that ends a read of more than `MAX_PART_BYTES` at once.

    Attributes:
        count: Bytes that were read of this part.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.count = file, 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Read at most `size` bytes."""
        content = self._file.read(size)
        self.count += len(content)
        if self.count > MAX_PART_BYTES:
            raise ValueError(f"some rows take more than {MAX_PART_BYTES:,} bytes; a quote may be open")
        return content


class _ParquetStream(TableStream):
    def __init__(self, path: Path, text: str) -> None:
        super().__init__(path, text)
        with reading(text, "a Parquet table", "Check the file.", DataError):
            check_regular(path)
            from pyarrow.parquet import ParquetFile

            with ParquetFile(path) as file:
                about, self._stored = file.metadata, list(file.schema_arrow.names)
                types = file.schema_arrow.types
                groups = [about.row_group(number) for number in range(about.num_row_groups)]
                largest = max((max(group.total_byte_size, 8 * group.num_rows) for group in groups), default=0)
            memory = physical_memory()
            if memory is not None and largest > memory:
                raise ValueError(f"a group of its rows takes {largest:,} bytes, and the machine has {memory:,}")
        self.names = tuple(check_names(self._stored, text))
        self.types = dict(zip(self.names, types, strict=True))

    def _parts(
        self, wanted: list[str], texts: frozenset[str], missing_values: Collection[str], rows: int
    ) -> Iterator[pandas.DataFrame]:
        from pyarrow.parquet import ParquetFile

        stored = [name for name in self._stored if column_name(name) in set(wanted)]
        with ParquetFile(self.path, pre_buffer=False, buffer_size=HEAD_BYTES) as file:
            for batch in file.iter_batches(rows, columns=stored):
                part: pandas.DataFrame = batch.to_pandas(ignore_metadata=True)
                yield part.set_axis([column_name(name) for name in part.columns], axis="columns")


def open_table(text: str, project: Path, csv_options: CsvOptions = DEFAULT_CSV_OPTIONS) -> TableStream:
    """Open a table, and read the names of its columns.

    Args:
        text: Path of a CSV or Parquet file, relative to the project or absolute.
        project: A folder.
        csv_options: How a CSV file is written.

    Raises:
        DataError: It is no such file, or cannot be read.
    """
    if is_parquet(text):
        return _ParquetStream(locate_file(text, project), text)
    return _CsvStream(locate_file(text, project), text, csv_options)

"""The options of a study for reading its CSV files: header, comments, decimal mark."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CsvOptions:
    """How CSV files are written, as far as the files themselves leave it open.

    Attributes:
        header: Whether the first line names the columns.
        comment: What lines begin with that are no rows, or None.
        decimal: The decimal mark of numbers, "." or ",".
    """

    header: bool = True
    comment: str | None = None
    decimal: str = "."


DEFAULT_CSV_OPTIONS = CsvOptions()

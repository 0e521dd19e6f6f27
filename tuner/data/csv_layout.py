"""What a study says of how its CSV files are written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CsvLayout:
    """How CSV files are written, as far as the files themselves leave it open.

    Attributes:
        header: Whether the first line names the columns.
        comment: What lines begin with that are no rows, or None.
    """

    header: bool = True
    comment: str | None = None


PLAIN = CsvLayout()

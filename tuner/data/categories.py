"""The categories of a text column, to be found by cells of any type, and cells that hold none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tuner.data.cells import cell_text, is_number
from tuner.errors import DataError, shown


class Categories:
    """The categories of a text column.

    Args:
        column: Its name.
        words: Its categories, in the order of their codes.
    """

    def __init__(self, column: str, words: Sequence[str]) -> None:
        self.column, self.words = column, tuple(words)
        self._all = frozenset(words)
        self._by_value: dict[float | str, list[str]] = {}
        for word in words:
            self._by_value.setdefault(_value(word), []).append(word)

    def __contains__(self, text: object) -> bool:
        return text in self._all

    def find(self, value: Any) -> str | None:
        """Give the text of a cell, or None if it is missing.

        A number or truth value is the category that reads as it: pandas types a column by the rows that it sees, and
        makes the number 7 of a category "007".

        Raises:
            DataError: It may be any of several categories.
        """
        text = cell_text(value)
        if text is None or isinstance(value, str):
            return text
        same = self._by_value.get(_value(text), [])
        if len(same) > 1:
            raise DataError(
                f"Column {self.column!r} must hold texts, as it did in the study, but holds {text}, which may be any "
                f"of {listed_words(same)}. Read the column as text."
            )
        return same[0] if same else text


@dataclass(frozen=True)
class UnknownText:
    """Cells of a text column that hold none of its categories, or nothing though the study had no such row.

    Attributes:
        column: Its name.
        text: What the first such cell holds; None if the cells are missing.
        row: Number of the row of the first such cell, from 1.
        rows: Number of such rows.
        words: The categories.
        may_be_known: Whether it is not known, of missing cells, if the study had such rows: an older version has saved
            the model.
    """

    column: str
    text: str | None
    row: int
    rows: int
    words: tuple[str, ...]
    may_be_known: bool = False

    def __str__(self) -> str:
        if self.text is None:
            nothing = f"{count_rows(self.row, self.rows)} no value in {self.column!r}"
            if self.may_be_known:
                return f"{nothing}, and the model, of an older version, does not say whether the study had such rows"
            return f"{nothing}, and the study had no such rows"
        return (
            f"{count_rows(self.row, self.rows)} a text in {self.column!r} that the study did not have, "
            f"{shown(self.text)}"
        )

    @property
    def known(self) -> str:
        """Return the categories as a sentence; it is empty for missing cells."""
        return "" if self.text is None else f"It had {listed_words(self.words)}."


def count_rows(first: int, rows: int) -> str:
    """Begin a sentence about some rows, of which `first` is the first: "row 5 has", "7 rows (…) have"."""
    return f"row {first} has" if rows == 1 else f"{rows:,} rows (the first is row {first}) have"


def listed_words(words: Sequence[str], limit: int = 10) -> str:
    """List categories in quotes, at most `limit` of them."""
    more = f" and {len(words) - limit} more" if len(words) > limit else ""
    return ", ".join(map(repr, words[:limit])) + more


def _value(text: str) -> float | str:
    return float(text) if is_number(text) else text.lower()

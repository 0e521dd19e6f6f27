"""Name tables: one explicit literal per family of alternatives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, Protocol, TypeVar

from tuner.errors import UnknownNameError


class Named(Protocol):
    """The interface of a row."""

    @property
    def name(self) -> str: ...


Row = TypeVar("Row", bound=Named, covariant=True)


class Registry(Mapping[str, Row], Generic[Row]):
    """An ordered, read-only table name → row.

    Args:
        family: Kind of its rows, singular ("optimizer"), for messages.
        *rows: The rows, in the order in which they are listed to users.

    Raises:
        ValueError: Two rows have the same name.
    """

    def __init__(self, family: str, *rows: Row) -> None:
        self.family = family
        self._rows = {row.name: row for row in rows}
        if len(self._rows) != len(rows):
            raise ValueError(f"Two rows of the {family} table have the same name.")

    def __getitem__(self, name: str) -> Row:
        """Return the row with this name.

        Raises:
            UnknownNameError: There is no such row; the message names the nearest one.
        """
        try:
            return self._rows[name]
        except (KeyError, TypeError):
            raise UnknownNameError(self.family, name, self._rows) from None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

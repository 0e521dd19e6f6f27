"""Name tables: one explicit literal per family of alternatives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar, overload

from tuner.errors import UnknownNameError


class Named(Protocol):
    """The interface of a row."""

    @property
    def name(self) -> str: ...


Row = TypeVar("Row", bound=Named, covariant=True)
Default = TypeVar("Default")


class Registry(Mapping[str, Row], Generic[Row]):
    """An ordered table name → row, whose own rows never change.

    Rows of user code are found by their reference as all others are by their name, but not listed: a table holds those
    that this process has read last.

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
        self._user_rows: dict[str, Row] = {}

    def add_user_row(self, row: Row) -> None:  # type: ignore[misc]  # the table is covariant for its readers
        """Add a row of user code, in place of an earlier one of its name."""
        self._user_rows[row.name] = row

    def __getitem__(self, name: str) -> Row:
        """Return the row with this name.

        Raises:
            UnknownNameError: There is no such row; the message names the nearest one.
        """
        if name not in self:
            raise UnknownNameError(self.family, name, self._rows)
        return self._rows[name] if name in self._rows else self._user_rows[name]

    @overload
    def get(self, name: object, /) -> Row | None: ...

    @overload
    def get(self, name: object, /, default: Default) -> Row | Default: ...

    def get(self, name: object, /, default: Any = None) -> Any:
        """Return the row with this name, also one of user code, or the default."""
        return self[name] if isinstance(name, str) and name in self else default

    def is_built_in(self, name: object) -> bool:
        """Return whether a row of the table itself, and not of user code, has this name."""
        return isinstance(name, str) and name in self._rows

    def __contains__(self, name: object) -> bool:
        return self.is_built_in(name) or (isinstance(name, str) and name in self._user_rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

"""A snapshot of a database: plain SELECTs that all see one state, though other processes write to it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tuner.storage.sqlite import list_tables, read_connection

if TYPE_CHECKING:
    from sqlalchemy import Engine

Rows: TypeAlias = Sequence[Sequence[Any]]


class DatabaseSnapshot:
    """Runs a SELECT with named values, `:name`, and returns its rows: an `optuna_reader.Query`.

    Attributes:
        tables: Names of the tables, read once.
    """

    def __init__(self, select: Callable[[str, Mapping[str, Any]], Rows], tables: Callable[[], set[str]]) -> None:
        self._select, self._list_tables = select, tables

    def __call__(self, query: str, **values: Any) -> Rows:
        return self._select(query, values)

    @cached_property
    def tables(self) -> set[str]:
        return self._list_tables()


@contextlib.contextmanager
def sqlite_snapshot(file: Path) -> Iterator[DatabaseSnapshot]:
    """Read a SQLite file, without SQLAlchemy, whose import takes 0.2 s."""
    with read_connection(file) as connection:
        connection.execute("BEGIN")  # else each SELECT sees what was committed before it; closing ends it
        yield DatabaseSnapshot(
            lambda query, values: connection.execute(query, values).fetchall(), lambda: list_tables(connection)
        )


@contextlib.contextmanager
def engine_snapshot(engine: Engine) -> Iterator[DatabaseSnapshot]:
    """Read another database."""
    from sqlalchemy import inspect, text

    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        yield DatabaseSnapshot(
            lambda query, values: connection.execute(text(query), values).all(),
            lambda: set(inspect(connection).get_table_names()),
        )

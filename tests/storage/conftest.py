"""An empty database for each test, in SQLite and in PostgreSQL: a test that asks for it runs twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tuner.storage import Database, open_database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = open_database(database_url, create=True)
    yield database
    database.close()

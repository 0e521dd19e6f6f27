"""One owner at a time, whoever comes and however many at once."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from tuner.errors import StudyBusyError
from tuner.storage import Database
from tuner.storage.lease import GONE_AFTER_S, claim, holder, process_start, release, renew
from tuner.storage.tables import leases


def change(database: Database, **values: object) -> None:
    with database.engine.begin() as connection:
        connection.execute(update(leases).values(**values))


def test_claim_and_release(database: Database) -> None:
    lease = claim(database.engine, 1, "s")
    assert holder(database.engine, 1) == lease
    assert lease.alive()
    with pytest.raises(StudyBusyError, match=f"process {os.getpid()}"):
        claim(database.engine, 1, "s")
    claim(database.engine, 2, "another study")
    release(database.engine, lease)
    assert holder(database.engine, 1) is None
    claim(database.engine, 1, "s")


def test_a_dead_process_does_not_hold(database: Database) -> None:
    claim(database.engine, 1, "s")
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    change(database, pid=process.pid, started=process_start(process.pid) or "gone")
    process.wait()
    assert claim(database.engine, 1, "s").pid == os.getpid()


def test_a_reused_process_id_does_not_hold(database: Database) -> None:
    claim(database.engine, 1, "s")
    change(database, started="long ago")
    claim(database.engine, 1, "s")


def test_another_host_holds_while_it_is_seen(database: Database) -> None:
    lease = claim(database.engine, 1, "s")
    change(database, host="elsewhere")
    with pytest.raises(StudyBusyError, match="elsewhere"):
        claim(database.engine, 1, "s")
    late = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - datetime.timedelta(seconds=GONE_AFTER_S + 1)
    change(database, seen=late)
    with database.engine.begin() as connection:
        renew(connection, lease)
    with pytest.raises(StudyBusyError):
        claim(database.engine, 1, "s")
    change(database, seen=late)
    claim(database.engine, 1, "s")


def test_of_many_at_once_one_gets_it(database: Database) -> None:
    claim(database.engine, 1, "s")
    change(database, started="long ago")

    def attempt(_: int) -> bool:
        try:
            claim(database.engine, 1, "s")
        except StudyBusyError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1


def test_a_living_process_keeps_its_start() -> None:
    assert process_start(os.getpid()) == process_start(os.getpid()) is not None
    assert process_start(2**22 + 12345) is None


def test_who_lost_the_lease_is_told(database: Database) -> None:
    lease = claim(database.engine, 1, "s")
    change(database, owner="another")
    with pytest.raises(StudyBusyError, match="this one has lost it"), database.engine.begin() as connection:
        renew(connection, lease)

"""Who is taken for alive, and who for dead."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from tuner.storage import Database, StudySession, lease_table
from tuner.storage.lease import LEASE_TTL_S, Lease, process_start, this_host
from tuner.storage.lease_table import WATCHED_S, LeaseMonitor

REMOTE = Lease(
    owner="x",
    study_id=1,
    host="another host",
    pid=1,
    started="1",
    heartbeat_at=1_000,
    coordinator_index=0,
    transaction=5,
)
LATE = 1_000 + LEASE_TTL_S + 1


class Clock:
    """Time that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr("tuner.storage.lease_table.time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def look(watch: LeaseMonitor, clock: Clock, seconds: float, owner: Lease, database_clock: int) -> bool:
    """Look every 5 s for so many seconds; whether the owner was taken for gone at last."""
    gone: list[Lease] = []
    for _ in range(int(seconds / 5)):
        clock.now += 5
        gone = watch.expired([owner], database_clock)
    return gone == [owner]


def test_a_process_lives_while_its_id_and_its_start_are_found() -> None:
    mine = replace(REMOTE, host=this_host(), pid=os.getpid(), started=process_start(os.getpid()) or "")
    parent = replace(mine, pid=os.getppid(), started=process_start(os.getppid()) or "")
    assert parent.lives() is True
    assert replace(parent, started="long ago").lives() is False, "the id was used again"
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    ended = replace(mine, pid=process.pid, started=process_start(process.pid) or "gone")
    process.wait()
    assert ended.lives() is False
    assert mine.lives() is False, "this process has no such owner any more"
    assert REMOTE.lives() is None


def test_signs_of_life_do_not_matter_on_this_host(clock: Clock) -> None:
    """A machine that slept, a clock that was set, a disk that stalled: the process is there."""
    parent = replace(
        REMOTE, host=this_host(), pid=os.getppid(), started=process_start(os.getppid()) or "", heartbeat_at=0
    )
    assert not look(LeaseMonitor(), clock, 100_000, parent, database_clock=2_000_000_000)


def test_another_host_is_gone_when_it_was_watched_in_vain(clock: Clock) -> None:
    watch = LeaseMonitor()
    assert not look(watch, clock, 5, REMOTE, LATE), "old, but this is the first look"
    assert not look(watch, clock, WATCHED_S - 5, REMOTE, LATE)
    assert look(watch, clock, 5, REMOTE, LATE)
    assert not look(LeaseMonitor(), clock, 100_000, REMOTE, LATE - 1), "its last sign of life is not old enough"


def test_a_sign_of_life_begins_the_watch_anew(clock: Clock) -> None:
    watch = LeaseMonitor()
    look(watch, clock, WATCHED_S, REMOTE, LATE)
    assert not look(watch, clock, WATCHED_S, replace(REMOTE, transaction=6), LATE)
    assert look(watch, clock, 5, replace(REMOTE, transaction=6), LATE)


def test_a_clock_that_was_set_back_keeps_nobody_alive_and_kills_nobody(clock: Clock) -> None:
    watch, early = LeaseMonitor(), 1_000 - 7_200
    for second in range(0, 600, 10):  # it lives: each turn counts
        assert not look(
            watch, clock, 10, replace(REMOTE, heartbeat_at=early + second, transaction=5 + second), early + second
        )
    assert look(LeaseMonitor(), clock, WATCHED_S + 5, REMOTE, early), (
        "its last sign of life came before the clock was set"
    )
    assert not look(LeaseMonitor(), clock, WATCHED_S - 5, REMOTE, early)


def test_time_in_which_nobody_could_look_does_not_count(clock: Clock) -> None:
    """The database was away for an hour, or this process was: all others look old then, and are alive."""
    watch = LeaseMonitor()
    watch.expired([REMOTE], LATE)
    clock.now += 3600
    assert watch.expired([REMOTE], LATE + 3600) == []


def test_start_of_a_process() -> None:
    assert process_start(os.getpid()) == process_start(os.getpid()) is not None
    assert process_start(2**22 + 12345) is None


def test_places_are_given_away_once(database: Database) -> None:
    stores = [StudySession(database, "s", "minimize") for _ in range(3)]
    assert [store.coordinator_index for store in stores] == [0, 1, 2]
    stores[0].close()
    stores.append(StudySession(database, "s", "minimize"))
    assert stores[3].coordinator_index == 3
    for store in stores[1:]:
        store.close()
    assert StudySession(database, "s", "minimize").coordinator_index == 0


def test_the_clock_is_that_of_the_database(database: Database) -> None:
    import time

    with database.engine.connect() as connection:
        assert abs(lease_table.now(connection) - time.time()) < 60

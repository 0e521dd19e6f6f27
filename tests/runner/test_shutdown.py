"""Which signals a run takes over, and what they are afterwards."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tuner.runner import ShutdownSignal


def own_handler(number: int, frame: Any) -> None:
    """Do what the program wants that calls `tuner.run`."""


@pytest.fixture
def hangup_handler(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The handler of SIGHUP before the run."""
    before = signal.signal(signal.SIGHUP, request.param)
    yield request.param
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("hangup_handler", [signal.SIG_IGN, own_handler], indirect=True)
def test_a_hangup_that_was_ignored_or_handled_stays_so(hangup_handler: Any) -> None:
    """As with `nohup tuner run …`."""
    with ShutdownSignal() as shutdown:
        signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is hangup_handler
    assert shutdown.level == 0
    assert signal.getsignal(signal.SIGHUP) is hangup_handler


@pytest.mark.parametrize("hangup_handler", [signal.SIG_DFL], indirect=True)
def test_a_hangup_stops_at_once_and_what_repeats_it_does_not_end_the_closing(hangup_handler: Any) -> None:
    """The shell repeats it to its jobs, and the kernel when the shell has ended."""
    with ShutdownSignal() as shutdown:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
    assert shutdown.level == 2
    signal.raise_signal(signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


@pytest.mark.parametrize("hangup_handler", [signal.SIG_DFL], indirect=True)
def test_without_one_it_ends_the_process_again(hangup_handler: Any) -> None:
    with ShutdownSignal():
        pass
    assert signal.getsignal(signal.SIGHUP) is hangup_handler

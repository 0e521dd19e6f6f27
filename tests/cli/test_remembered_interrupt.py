"""Ctrl-C in the first seconds of a command ends it, even if a library swallows the exception."""

from __future__ import annotations

import contextlib
import signal

import pytest

from tuner.cli.remembered_interrupt import remember_interrupts
from tuner.runner import ShutdownSignal


@pytest.fixture
def handler():
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    remember_interrupts()
    yield signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_that_was_swallowed_is_raised_when_the_run_begins(handler):
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), ShutdownSignal():
        pytest.fail("the run must not begin")
    assert signal.getsignal(signal.SIGINT) is handler


def test_without_one_the_run_begins_and_counts(handler):
    with ShutdownSignal() as shutdown:
        signal.raise_signal(signal.SIGINT)
    assert shutdown.level == 1
    assert signal.getsignal(signal.SIGINT) is handler


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        remember_interrupts()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)

"""Progress: a bar on a terminal, lines elsewhere, nothing where nobody reads."""

from __future__ import annotations

import io
import sys
import time
from typing import Any

import pytest
from real_study import plain
from rich.console import Console

from tuner.catalog import TrialState
from tuner.cli import progress_bar as module
from tuner.cli.progress_bar import progress
from tuner.runner.progress import Progress
from tuner.text import duration, value_text


def standing(finished: int = 3, best: float | None = 0.93333, **more: Any) -> Progress:
    counts = {**dict.fromkeys(TrialState, 0), "complete": finished, "running": 2}
    found = None if best is None else (1, best, {"learning_rate": 0.1})
    return Progress(**{
        "metric": "accuracy", "counts": counts, "best": found, "elapsed_s": 30.0, "finished_before": 0,
        "trials": 12, "time_s": None, **more,
    })  # fmt: skip


def test_lines_without_a_terminal(capsys, monkeypatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    with progress(silent=False) as show:
        show(standing(0, None))
        show(standing(1, None))  # nothing new, and just now
        show(standing(2, 0.5))
        show(standing(3, 0.5, note="Finishing 2 running trials."))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "0/12 trials, 30 s | 2 running | no complete trial yet",
        "2/12 trials, 30 s, 2 min 30 s left | 2 complete, 2 running | best accuracy 0.5 (trial 1)",
        "Finishing 2 running trials.",
    ]


def test_a_line_now_and_then(capsys, monkeypatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setattr(module, "PLAIN_EVERY_S", 0.0)
    with progress(silent=False) as show:
        show(standing(1))
        show(standing(2))
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_silence_keeps_what_a_person_must_know(capsys):
    with progress(silent=True) as show:
        show(standing())
        show(standing(note="Finishing 2 running trials."))
    assert capsys.readouterr().err == "Finishing 2 running trials.\n"


def rendered(show: Any, columns: int) -> list[str]:
    """What the bar looks like now."""
    out = Console(width=columns, file=io.StringIO())
    out.print(show.__self__._render())
    return plain(out.file.getvalue()).splitlines()


class Gone(io.StringIO):
    """A pipe that nobody reads any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def isatty(self) -> bool:
        return False


def test_a_run_goes_on_when_nobody_reads_its_progress(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Gone())
    with progress(silent=False) as show:
        show(standing(1))
        show(standing(2, 0.99))


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_the_bar_fits_the_terminal(capsys, narrow, columns):
    narrow(columns)
    with progress(silent=False) as show:
        show(standing(note="Finishing 2 running trials; press Ctrl-C again to stop at once."))
        lines = rendered(show, columns)
    assert len(lines) == 3
    assert max(len(line) for line in lines) <= columns
    if columns >= 40:
        assert "3/12 trials, 30 s, 1 min 30 s left" in lines[0]
        assert lines[1].strip() == "3 complete, 2 running"
        assert lines[2].strip() == "best accuracy 0.93333 (trial 1)"
    assert "Finishing 2 running" in capsys.readouterr().err


def test_the_clock_runs_between_trials(monkeypatch, narrow):
    narrow(80)
    now = time.monotonic()
    with progress(silent=False) as show:
        monkeypatch.setattr(module.time, "monotonic", lambda: now)
        show(standing(time_s=100.0, trials=None))
        monkeypatch.setattr(module.time, "monotonic", lambda: now + 45.0)
        (first, *_) = rendered(show, 80)
        monkeypatch.undo()
    assert "1 min 15 s, 25 s left" in first


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"), (4.24, "4.2 s"), (9.96, "10 s"), (59.4, "59 s"), (59.9, "60 s"), (65.2, "1 min 05 s"),
        (3599.7, "1 h 00 min"), (7380.0, "2 h 03 min"), (360_000.0, "100 h 00 min"),
    ],
)  # fmt: skip
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.123456789, "0.12346"), (1e-7, "1e-07"), (3, "3"), (True, "True"), (None, "None"), ("adam", "adam"), (2.0, "2")],
)
def test_numbers(value, text):
    assert value_text(value) == text

"""Progress: live on a terminal, lines elsewhere, nothing where nobody reads."""

from __future__ import annotations

import errno
import io
import sys
import time
from typing import Any

import pytest
from real_study import plain
from rich.console import Console

from tuner.catalog import TrialState
from tuner.display import plain_lines, terminal_display
from tuner.display import terminal as module
from tuner.display.progress_text import packed, running_columns
from tuner.display.terminal import LiveProgress
from tuner.runner import Progress, RunningTraining


def standing(finished: int = 3, best: float | None = 0.93333, **more: Any) -> Progress:
    counts = {**dict.fromkeys(TrialState, 0), "complete": finished, "running": 2}
    found = None if best is None else (1, best, {"learning_rate": 0.1})
    left_s = None if finished == 0 else 30.0 / finished * (12 - finished)
    return Progress(**{
        "metric": "accuracy", "counts": counts, "best": found, "elapsed_s": 30.0,
        "trials": 12, "time_s": None, "trials_left_s": left_s, **more,
    })  # fmt: skip


def training(number: int, **more: Any) -> RunningTraining:
    return RunningTraining(
        **{"name": str(number), "epochs": 20, "epoch": 7, "value": 0.91365, "optimizer": "adam", "learning_rate": 2e-4}
        | more
    )


def rendered(progress: Progress | None, columns: int, rows: int = 24) -> list[str]:
    """What the terminal shows."""
    out = Console(width=columns, height=rows, file=io.StringIO(), force_terminal=True, color_system=None)
    live = LiveProgress(out)
    if progress is not None:
        live.show(progress)
        out.file = io.StringIO()
    out.print(live.render())
    return [line.rstrip() for line in plain(out.file.getvalue()).splitlines()]


@pytest.fixture
def piped(monkeypatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def test_lines_without_a_terminal(capsys, piped):
    with terminal_display() as show:
        show(standing(0, None, stage="importing TensorFlow in 2 workers"))
        show(standing(0, None, stage="importing TensorFlow in 2 workers"))
        show(standing(0, None))
        show(standing(1, None, dashboard="http://127.0.0.1:8080/"))  # nothing new of the trials, and just now
        show(standing(2, 0.5, dashboard="http://127.0.0.1:8080/"))
        show(standing(3, 0.5, note="Finishing 2 running trials.", running=(training(1),)))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "importing TensorFlow in 2 workers …",
        "0/12 trials, 30 s | 2 running | no complete trial yet",
        "dashboard: http://127.0.0.1:8080/",
        "2/12 trials, 30 s, 2 min 30 s left | 2 complete, 2 running | best accuracy 0.5 (trial 1)",
        "Finishing 2 running trials.",
    ]


def test_before_any_trial_a_note_says_all(capsys, piped):
    with terminal_display() as show:
        show(Progress.at_start("accuracy", 12, None, 0.1, "The disk is full."))
    assert capsys.readouterr().err == "The disk is full.\n"


@pytest.mark.parametrize(("elapsed_s", "lines"), [(30.0, 2), (5000.0, 1)])
def test_a_line_now_and_then_and_less_often_later(capsys, piped, monkeypatch, elapsed_s, lines):
    now = [100.0]
    monkeypatch.setattr(plain_lines.time, "monotonic", lambda: now[0])
    with terminal_display() as show:
        show(standing(1, elapsed_s=elapsed_s))
        now[0] += 11.0
        show(standing(2, elapsed_s=elapsed_s + 11.0))
    assert len(capsys.readouterr().err.splitlines()) == lines


def test_silence_keeps_what_a_person_must_know(capsys):
    with terminal_display(silent=True) as show:
        show(standing(stage="importing TensorFlow in 2 workers"))
        show(standing(note="Finishing 2 running trials."))
    assert capsys.readouterr().err == "Finishing 2 running trials.\n"


class Gone(io.StringIO):
    """A pipe that nobody reads any more, or a terminal that was closed, now and then."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.gone, self.terminal = True, terminal

    def write(self, text: str) -> int:
        if self.gone:
            raise OSError(errno.EIO, "Input/output error") if self.terminal else BrokenPipeError
        return super().write(text)

    def flush(self) -> None:
        self.write("")

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("terminal", [False, True])
def test_a_run_goes_on_when_nobody_reads_its_progress(monkeypatch, piped, terminal):
    gone = Gone(terminal=terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", gone)
    with terminal_display() as show:
        show(standing(1))
        show(standing(2, 0.99, note="The database is away."))
        time.sleep(0.3 * terminal)  # the thread that refreshes a terminal
        gone.gone = False
        show(standing(3, 0.99, note="It is back."))
    said = plain(gone.getvalue())
    assert "It is back." in said
    assert "away" not in said


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_line_for_each_running_trial(columns):
    lines = rendered(
        standing(running=(training(3), training(12, epoch=0, value=None, optimizer="losses.py:lion")),
                 dashboard="http://127.0.0.1:8080/"),
        columns,
    )  # fmt: skip
    assert lines[0].endswith("3/12 trials, 30 s, 1 min 30 s left")
    assert lines[1:4] == [
        "3 complete, 2 running", "best accuracy 0.93333 (trial 1)", "dashboard: http://127.0.0.1:8080/",
    ]  # fmt: skip
    header, first, second = (line.split("━")[0].split("╺")[0].rstrip() for line in lines[4:])
    assert header.split() == ["trial", "epoch", "accuracy", "optimizer", "learning", "rate"]
    assert first.split() == ["3", "7/20", "0.91365", "adam", "0.0002"]
    assert second.split() == ["12", "0/20", "–", "losses.py:lion", "0.0002"]


def test_what_happens_before_the_first_trial_has_a_name():
    assert rendered(None, 60) == ["reading the study and its data …"]
    lines = rendered(standing(0, None, stage="importing TensorFlow in 2 workers"), 60)
    assert lines[-1] == "importing TensorFlow in 2 workers …"


NUMBERS = standing(
    9876,
    1234567.0,
    metric="mean_absolute_percentage_error",
    counts=dict(zip(("complete", "pruned", "diverged", "failed", "running"), (9876, 1200, 1034, 7, 16), strict=True)),
    trials=100_000,
    elapsed_s=399_999.0,
    trials_left_s=3_999_999.0,
    running=tuple(
        training(12_000 + n, epoch=1234, epochs=10_000, value=-1.2345e-17, optimizer="o" * 40) for n in range(16)
    ),
)  # fmt: skip
TOKENS = {
    "12117/100000", "111", "1111", "h", "06", "min", "9876", "1200", "1034", "7", "16", "1234567", "(trial", "1)",
    "1234/10000", "-1.2345e-17", "0.0002", *(str(12_000 + n) for n in range(16)), *map(str, range(1, 17)),
}  # fmt: skip
"""Every number that may stand on the screen, whole."""


@pytest.mark.parametrize("rows", [8, 14, 24])
@pytest.mark.parametrize("columns", [30, 40, 60, 80, 120])
def test_no_number_is_broken_and_nothing_is_larger_than_the_terminal(columns, rows):
    lines = rendered(NUMBERS, columns, rows)
    assert max(map(len, lines)) <= columns
    assert len(lines) < rows
    words = " ".join(lines).replace(",", " ").split()
    assert [word for word in words if any(map(str.isdigit, word)) and word not in TOKENS] == []
    shown = sum(str(12_000 + n) in words for n in range(16))
    assert shown == 16 or f"and {16 - shown} more" in lines or (shown == 0 and rows == 8)


@pytest.mark.parametrize(
    ("value", "shown"), [(0.5, "0.50000"), (25959.4, "25959"), (156143.7, "156144"), (2.5e9, "2.5e+09"), (None, "–")]
)
def test_values_below_ten_million_have_no_exponent(value, shown):
    columns = running_columns(standing(running=(training(3, value=value),)), 80, 1)
    assert columns[2].cells == (shown,)


def test_texts_are_packed_whole():
    assert packed(["10 complete", "2 pruned", "1 failed"], 22) == ["10 complete, 2 pruned,", "1 failed"]


def test_a_note_stays_above(capsys, monkeypatch):
    for name, value in {"COLUMNS": "60", "FORCE_COLOR": "1", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    with terminal_display() as show:
        show(standing(note="Finishing 2 running trials; press Ctrl-C again to stop at once."))
    assert "Finishing 2 running" in capsys.readouterr().err


def test_the_clock_runs_between_trials(monkeypatch):
    now = [time.monotonic()]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    live = LiveProgress(Console(width=80, file=io.StringIO()))
    live.show(standing(time_s=100.0, trials=None))
    now[0] += 45.0
    out = Console(width=80, file=io.StringIO())
    out.print(live.render())
    assert "1 min 15 s, 25 s left" in out.file.getvalue()

"""Progress in words and columns that fit a width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.runner import Progress, RunningTraining
from tuner.text import duration, shorten, significant, value_text, visible_line

READING = "reading the study and its data"
"""What is done before the first progress comes."""

NOTHING_YET = "nothing yet"
_NAME_CHARS = 16
_METRIC_CHARS = 14
_GAP = 2


@dataclass(frozen=True)
class RunningColumn:
    """A column of the table of running trainings.

    Attributes:
        header: Its header.
        cells: A text for each training.
        right: Whether it is aligned to the right.
    """

    header: str
    cells: tuple[str, ...]
    right: bool = False

    @property
    def width(self) -> int:
        """Columns of the terminal that it takes."""
        return max(map(len, (self.header, *self.cells)))


def pace_texts(progress: Progress, since_s: float = 0.0) -> list[str]:
    """Return what is finished, the time, and the time left; shorter texts follow.

    Args:
        progress: The progress.
        since_s: Seconds since it was told.
    """
    total = "" if progress.trials is None else f"/{progress.trials}"
    done = f"{progress.finished}{total} {progress.unit}"
    texts = [f"{done}, {duration(progress.elapsed_s + since_s)}", done, f"{progress.finished}{total}"]
    if progress.left_s is not None:
        texts.insert(0, f"{texts[0]}, {duration(max(0.0, progress.left_s - since_s))} left")
    return texts


def count_texts(progress: Progress) -> list[str]:
    """Return the counts of the states, one text for each."""
    return [f"{many} {state}" for state, many in progress.counts.items() if many] or [NOTHING_YET]


def best_texts(progress: Progress) -> list[str]:
    """Return the best value so far; shorter texts follow."""
    if progress.best is None:
        return [f"no complete {singular(progress.unit)} yet", "none complete"]
    number, value, _ = progress.best
    metric, shown = visible_line(progress.metric), value_text(value)
    return [f"best {metric} {shown} (trial {number})", f"best {metric} {shown}", f"best {shown}", shown]


def progress_line(progress: Progress) -> str:
    """Return the progress as one line."""
    return " | ".join([pace_texts(progress)[0], ", ".join(count_texts(progress)), best_texts(progress)[0]])


def singular(unit: str) -> str:
    """Return the singular of what is counted."""
    return unit.removesuffix("s")


def fitting(texts: Sequence[str], width: int) -> str:
    """Return the first text that fits, or the last one."""
    return next((text for text in texts if len(text) <= width), texts[-1])


def packed(texts: Sequence[str], width: int) -> list[str]:
    """Join texts by commas to lines that fit; no text is broken."""
    lines: list[str] = []
    for text in texts:
        if lines and len(lines[-1]) + len(text) + 3 <= width:  # a comma follows unless it is the last line
            lines[-1] += f", {text}"
        else:
            lines.append(text)
    return [f"{line}," for line in lines[:-1]] + lines[-1:]


def running_columns(progress: Progress, width: int, rows: int) -> list[RunningColumn]:
    """Return the table of running trainings, as far as it fits: the last columns are left out first.

    Args:
        progress: The progress.
        width: Columns of the terminal.
        rows: Number of trainings to show.
    """
    shown = progress.running[:rows]
    metric = visible_line(progress.metric)
    names = tuple(shorten(visible_line(one.name), _NAME_CHARS) for one in shown)
    columns = [
        RunningColumn(singular(progress.unit), names, right=all(name.isdecimal() for name in names)),
        RunningColumn("epoch", tuple(map(_epoch, shown)), right=True),
        RunningColumn(
            metric if len(metric) <= _METRIC_CHARS else "value",
            tuple(map(_value, shown)),
            right=True,
        ),
        RunningColumn("optimizer", tuple(shorten(visible_line(one.optimizer or "–"), _NAME_CHARS) for one in shown)),
        RunningColumn(
            "learning rate",
            tuple("–" if one.learning_rate is None else value_text(one.learning_rate) for one in shown),
            right=True,
        ),
    ]
    while len(columns) > 1 and sum(column.width for column in columns) + _GAP * (len(columns) - 1) > width:
        columns.pop()
    return columns


def _value(one: RunningTraining) -> str:
    """Return the value with zeros at its end, so that all have as many digits."""
    if one.value is None:
        return "–"
    text = f"{one.value:#.5g}"
    return significant(one.value) if "e+" in text else text.removesuffix(".")


def _epoch(one: RunningTraining) -> str:
    return f"{one.epoch}/{one.epochs}" if one.epochs else "–"

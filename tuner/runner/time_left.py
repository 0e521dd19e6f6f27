"""An estimate of the time that a run still takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.runner.progress import RunningTraining

_RECENT_SHARE = 0.5
"""Of the time since every worker has finished its first training, the share whose pace counts."""
_MAX_MARKS = 500


@dataclass(frozen=True)
class _Mark:
    """What was done at a moment.

    Attributes:
        elapsed_s: Wall time of the run.
        epochs: Epochs that this run has trained.
        ended: Trainings that this run has ended.
        finished: Trainings that are finished, those of other processes included.
    """

    elapsed_s: float
    epochs: int
    ended: int
    finished: int


class TimeLeft:
    """Estimates the remaining time of a run from its pace, in epochs.

    The first training of each worker does not count: it includes importing TensorFlow and tracing the first programs.
    Of what follows the later half counts, as what is traced grows less.  How many epochs a training will have is told
    from those that got as far: the first ones to finish are those that are pruned.
    """

    def __init__(self) -> None:
        self._first_wave = 0  # trainings begun before the first one ended: one for each worker
        self._lengths = Counter[int]()
        self._marks: list[_Mark] = []

    def on_begin(self) -> None:
        """Note that a training was handed to a worker."""
        self._first_wave += not self._lengths

    def on_end(self, epochs: int) -> None:
        """Note that a training has ended after this many epochs."""
        self._lengths[max(1, epochs)] += 1

    def estimate(
        self, elapsed_s: float, finished: int, total: int | None, running: Sequence[RunningTraining]
    ) -> float | None:
        """Return the seconds until all trainings are finished, or None while there is nothing to tell it from.

        Args:
            elapsed_s: Wall time of the run.
            finished: Trainings that are finished, those of earlier runs and other processes included.
            total: How many there will be; None for no limit.
            running: Those in progress.
        """
        if total is None:
            return None
        pace = self._pace(elapsed_s, finished, running)
        if pace is None:
            return None
        remaining = [self._remaining(one) for one in running]
        waiting = max(0, total - finished - len(running))
        if not waiting:
            return max(remaining, default=0.0) * max(1, self._first_wave) / pace
        epochs = [length * count for length, count in self._lengths.items()]
        begun = self._lengths.total() + len(running)
        mean = (sum(epochs) + sum(one.epoch for one in running) + sum(remaining)) / begun
        last_s = mean * (self._first_wave - 1) / 2 / pace  # at the end workers have nothing to do for half a training
        return (waiting * mean + sum(remaining)) / pace + max(0.0, last_s)

    def _pace(self, elapsed_s: float, finished: int, running: Sequence[RunningTraining]) -> float | None:
        """Return epochs a second, those of other processes included; None while it is unknown."""
        ended = self._lengths.total()
        if ended and ended >= self._first_wave:
            epochs = sum(length * count for length, count in self._lengths.items()) + sum(one.epoch for one in running)
            now = _Mark(elapsed_s, epochs, ended, finished)
            self._add(now)
            first = self._marks[0]
            since_s = first.elapsed_s + _RECENT_SHARE * (elapsed_s - first.elapsed_s)
            recent = next(mark for mark in self._marks if mark.elapsed_s >= since_s)
            before = recent if now.ended - recent.ended >= self._first_wave else first
            measured = epochs > before.epochs and elapsed_s > before.elapsed_s
            if measured and now.ended - before.ended >= max(1, self._first_wave):
                others = max(1.0, (finished - before.finished) / (ended - before.ended))
                return others * (epochs - before.epochs) / (elapsed_s - before.elapsed_s)
        timed = [one.epoch_s for one in running if one.epoch_s and one.epoch > 1]  # the first one traces programs
        return len(running) * len(timed) / sum(timed) if timed else None

    def _add(self, mark: _Mark) -> None:
        """Keep a mark; of too many every second one goes, so that they reach back to the first one."""
        if len(self._marks) >= _MAX_MARKS:
            self._marks = self._marks[::2]
        self._marks.append(mark)

    def _remaining(self, one: RunningTraining) -> float:
        """Return the expected epochs that a training still has: the mean of those that got farther."""
        beyond = {length: count for length, count in self._lengths.items() if length > one.epoch}
        if not beyond:
            return float(max(0, one.epochs - one.epoch))
        return sum(length * count for length, count in beyond.items()) / sum(beyond.values()) - one.epoch

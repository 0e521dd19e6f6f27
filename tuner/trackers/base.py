"""The interface of an experiment tracker, and its entry in the table."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tuner.catalog import TrialState
from tuner.engines import EpochRecord
from tuner.text import install_text


class Measurement(NamedTuple):
    """A number of an epoch.

    Attributes:
        name: What it is; from the second fold on with the fold.
        value: The number.
        epoch: From 1.
        ended_at: Unix time in seconds at which the epoch ended.
    """

    name: str
    value: float
    epoch: int
    ended_at: float


@dataclass(frozen=True)
class FinishedTrial:
    """A trial as trackers get it.

    Attributes:
        number: Its number in the study.
        state: How it ended.
        value: Its objective, or None if it has none.
        reason: Why it ended so, or None.
        params: What was searched and its values, by dimension.
        metric: Name of the objective's metric.
        epochs: What was measured, in order.
        began_at, ended_at: Unix times in seconds.
    """

    number: int
    state: TrialState
    value: float | None
    reason: str | None
    params: Mapping[str, Any]
    metric: str
    epochs: tuple[EpochRecord, ...]
    began_at: float
    ended_at: float

    @property
    def name(self) -> str:
        """The name of its run: numbers are padded, so that names sort as numbers do."""
        return f"trial_{self.number:05d}"

    def scalar_params(self) -> dict[str, bool | int | float | str]:
        """Return the parameters with lists as JSON text, which no tracker has a type for."""
        return {
            name: value if isinstance(value, bool | int | float | str) else json.dumps(value)
            for name, value in self.params.items()
        }

    def measurements(self) -> Iterator[Measurement]:
        """Yield what was measured, epoch by epoch."""
        ended_at = self.began_at
        for record in self.epochs:
            ended_at += record.seconds
            fold = f"fold_{record.fold + 1}/" if record.fold else ""
            numbers = {"loss": record.loss, "val_loss": record.val_loss, f"val_{self.metric}": record.metric}
            for name, value in {**numbers, "learning_rate": record.learning_rate}.items():
                yield Measurement(f"{fold}{name}", value, record.epoch, ended_at)


class Tracker(Protocol):
    """An open tracker.  Any exception of its package may be raised."""

    def log_trial(self, trial: FinishedTrial) -> None:
        """Write a trial; one that was written before under its number is replaced, or kept as well."""


@dataclass(frozen=True)
class TrackerEntry:
    """A tracker.

    Attributes:
        name: Key in `[tracking]`, and the extra of this package that installs what it needs.
        summary: What the key holds.
        module: Name of the module that it needs.
        open: `(target, study, project)` → the tracker; raises exceptions of its package.
    """

    name: str
    summary: str
    module: str
    open: Callable[[str, str, Path], Tracker]

    def incompatible_because(self) -> str | None:
        """Say why it cannot be used here, or None."""
        if importlib.util.find_spec(self.module) is None:
            return f"{self.name} is not installed: {install_text(self.name)}"
        return None

"""The states of a trial."""

from __future__ import annotations

from enum import StrEnum


class TrialState(StrEnum):
    """The state of a trial, as JSON, the database and the reports write it.

    - `COMPLETE`: trained to the end, with a finite objective;
    - `PRUNED`: stopped early by the pruner;
    - `DIVERGED`: the loss or the objective was no longer finite, or a limit was exceeded: the setting is bad;
    - `FAILED`: an error that says nothing about the setting;
    - `RUNNING`: being trained;
    - `WAITING`: to be trained, for the first time or again.
    """

    COMPLETE = "complete"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    FAILED = "failed"
    RUNNING = "running"
    WAITING = "waiting"

    @property
    def is_finished(self) -> bool:
        """True if the trial has ended."""
        return self in FINISHED_STATES


FINISHED_STATES = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.DIVERGED, TrialState.FAILED)

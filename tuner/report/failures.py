"""Reasons for which trials have no value, most common first."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from tuner.catalog import TrialState
from tuner.report.study_view import StudyView, TrialView
from tuner.text import without_numbers


@dataclass(frozen=True)
class Failure:
    """Trials that ended for the same reason, numbers in it apart.

    Attributes:
        state: "diverged" or "failed".
        reason: As it was said first.
        trials: All of them.
    """

    state: TrialState
    reason: str
    trials: tuple[TrialView, ...]


def failures(results: StudyView) -> list[Failure]:
    """Return the reasons why trials diverged or failed, most common first."""
    kinds: dict[tuple[TrialState, str], list[TrialView]] = defaultdict(list)
    for seen in results.in_state(TrialState.DIVERGED, TrialState.FAILED):
        kinds[seen.state, without_numbers(seen.reason or "")].append(seen)
    found = [
        Failure(state, trials[0].reason or "no reason was given", tuple(trials)) for (state, _), trials in kinds.items()
    ]
    return sorted(found, key=lambda failure: -len(failure.trials))

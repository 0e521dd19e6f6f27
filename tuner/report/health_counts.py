"""The verdicts on the health of trainings: how many trials have each, and one of them as an example."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.health import VERDICTS
from tuner.report.study_view import StudyView, TrialView

NOT_MEASURED = "Health was not measured in any trial."
"""What stands in place of every table and plot of health, also before the first trial."""


@dataclass(frozen=True)
class VerdictCount:
    """Trials with the same verdict.

    Attributes:
        verdict: One of `tuner.health.VERDICTS`.
        text: What was found of the first of them.
        trials: All of them.
    """

    verdict: str
    text: str
    trials: tuple[TrialView, ...]


def count_verdicts(results: StudyView) -> list[VerdictCount]:
    """Return the verdicts of the trials, most common first; none if health was not measured."""
    found = []
    for verdict in VERDICTS:
        trials = tuple(seen for seen in results.trials if seen.verdict == verdict)
        if trials:
            found.append(VerdictCount(verdict, trials[0].findings[0].text, trials))
    return sorted(found, key=lambda one: -len(one.trials))

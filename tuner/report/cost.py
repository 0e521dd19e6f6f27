"""Cost of a study, and the part that was saved by ending trials early."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.catalog import TrialState
from tuner.report.study_view import StudyView


@dataclass(frozen=True)
class Cost:
    """The budget that a study has used.

    Attributes:
        epochs: Epochs trained, over all trials and folds.
        planned: Epochs that all ended trials would have trained to their ends, or None if that is not known.
        saved: Epochs that trials did not train as they stopped early, were pruned or diverged, or None if it is not
            known.
        seconds: Time that trials took in their workers, together.
        saved_s: About what the saved epochs would have taken, each at the pace of its trial.
        wall_s: Wall time of all runs.
    """

    epochs: int
    planned: int | None
    saved: int | None
    seconds: float
    saved_s: float
    wall_s: float

    @property
    def saved_share(self) -> float | None:
        """Part of the planned epochs that was saved."""
        return self.saved / self.planned if self.planned and self.saved is not None else None


def sum_cost(results: StudyView) -> Cost:
    """Sum the cost of the trials so far."""
    a_trial = results.planned_epochs
    early = results.in_state(TrialState.COMPLETE, TrialState.PRUNED, TrialState.DIVERGED)
    ended = [*results.in_state(TrialState.FAILED), *early]
    missing = [(seen, max(0, (a_trial or 0) - seen.epochs)) for seen in early]
    return Cost(
        epochs=sum(seen.epochs for seen in results.trials),
        planned=None if a_trial is None else a_trial * len(ended),
        saved=None if a_trial is None else sum(epochs for _, epochs in missing),
        seconds=sum(seen.seconds or 0.0 for seen in results.trials),
        saved_s=sum((seen.seconds or 0.0) / seen.epochs * epochs for seen, epochs in missing if seen.epochs),
        wall_s=results.study.record.attrs.wall_s,
    )

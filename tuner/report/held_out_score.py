"""The score of the saved model on the test part: what to expect of it on new data."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.report.study_view import StudyView
from tuner.serving import HeldOutScore
from tuner.text import count, significant
from tuner.untrusted_files import nested


@dataclass(frozen=True)
class HonestScore:
    """A score that nothing was chosen by.

    Attributes:
        subject: What was scored.
        metric: Name of the objective.
        value: The objective on the test part.
        interval: Where it is in 95 % of cases, or None if that is not known.
        rows: Rows of the test part.
        before: How often the test part had been scored before.
        confirmed: Whether it beats the best constant answer by more than chance.
    """

    subject: str
    metric: str
    value: float
    interval: tuple[float, float] | None
    rows: int | None
    before: int
    confirmed: bool

    @property
    def uncertainty(self) -> str:
        """The interval in words; empty if it is not known."""
        if self.interval is None:
            return ""
        low, high = self.interval
        return f"95 % interval {significant(low, 4)} to {significant(high, 4)}"

    def sentence(self) -> str:
        """Say what was measured, and on what."""
        rows = f" of {count(self.rows, 'row')}" if self.rows else ""
        times = f"scored {count(self.before, 'time')} before" if self.before else "scored once"
        brackets = f" ({self.uncertainty})" if self.uncertainty else ""
        doubt = "" if self.confirmed else " That is not better than a constant answer by more than chance explains."
        return (
            f"{self.subject} has {self.metric} {significant(self.value, 4)}{brackets} on the test part{rows}, {times}: "
            f"expect that on new data.{doubt}"
        )


def honest_score(results: StudyView) -> HonestScore | None:
    """Return what `tuner train` measured on the test part, or None if it was not run, or scored nothing."""
    found = results.refit
    score = HeldOutScore.read(found)
    if score is None:
        return None
    rows, before = nested(found, "rows").get("test"), nested(found, "test").get("before")
    return HonestScore(
        "The saved model" if score.of_saved else "A network trained as the saved one",
        results.metric,
        score.value,
        score.interval,
        rows if isinstance(rows, int) else None,
        before if isinstance(before, int) else 0,
        found.get("verdict") == "winner",
    )

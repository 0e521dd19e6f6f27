"""What `tuner train` found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tuner.catalog import Recipe
from tuner.refit.intervals import Interval
from tuner.refit.selection import Candidate

Verdict = Literal["winner", "unconfirmed", "none"]


@dataclass(frozen=True)
class CandidateRow:
    """A recipe that was trained again.

    Attributes:
        candidate: Its trainings.
        p: p-value of its difference from the chosen one, corrected by Holm; None for the chosen one.
        optimism: How much better its value in the search was than the mean of these trainings.
    """

    candidate: Candidate
    p: float | None
    optimism: float | None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        found = self.candidate
        return {
            "trial": found.leader.trial,
            "params": dict(found.leader.params),
            "search": found.leader.value,
            "values": list(found.values),
            "mean": found.mean,
            "interval": None if found.interval is None else found.interval.to_json(),
            "bound": found.bound,
            "p": self.p,
            "optimism": self.optimism,
        }


@dataclass(frozen=True)
class Baseline:
    """The best constant answer.

    Attributes:
        answer: The answer, in words.
        validation: Its objective on the validation part.
        p: p-value of the chosen recipe against it, corrected for every trial of the search.
        tried: Number of these trials.
        test: Its objective on the test part, or None if that was not scored.
        test_p: The p-value there, for one comparison.
        meaning: Whether the chosen recipe beats it, in one or two sentences.
    """

    answer: str
    validation: float
    p: float | None
    tried: int
    test: float | None = None
    test_p: float | None = None
    meaning: str = ""


@dataclass(frozen=True)
class TestScore:
    """The test part, scored once.

    Attributes:
        values: The objective of the final training with each seed; None if it diverged.
        mean: Their mean.
        interval: Confidence interval of the mean, over seeds and rows.
        seed: Index of the training that was saved, from 0.
        value: Its objective.
        value_interval: Confidence interval of this value, over the rows alone.
        before: How often the test part of this study had been scored before.
    """

    values: tuple[float | None, ...]
    mean: float | None
    interval: Interval | None
    seed: int
    value: float | None
    value_interval: Interval | None
    before: int

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "values": list(self.values),
            "mean": self.mean,
            "interval": None if self.interval is None else self.interval.to_json(),
            "saved": {
                "seed": self.seed,
                "value": self.value,
                "interval": None if self.value_interval is None else self.value_interval.to_json(),
            },
            "before": self.before,
        }


@dataclass(frozen=True)
class RefitResult:
    """The result of `tuner train`.

    Attributes:
        study: Name of the study.
        metric: Name of the objective.
        direction: "maximize" or "minimize".
        verdict: "winner"; "unconfirmed" if the test part does not show that it beats a constant answer; "none" if the
            validation part does not, and nothing was scored or saved.
        file: File that the model was saved in, or None if it was not.
        seeds: Number of seeds that each recipe was trained with.
        seed: Seed that they are derived from.
        rows: Number of rows: "train" (of the final training; None without one), "validation" and "test".
        recipes: The recipes that were trained again, in the order of the search.
        chosen: Number of the chosen trial.
        leaders: Whether the leading recipes can be told apart, in one sentence.
        baseline: The best constant answer.
        expected: Prediction interval of the test score, from the validation part; None without a test part.
        test: The scores on the test part, or None if it was not scored.
        meaning: The result in sentences.
        recipe: The recipe of the saved model, with its seed, or None if none was saved.
    """

    study: str
    metric: str
    direction: str
    verdict: Verdict
    file: str | None
    seeds: int
    seed: int
    rows: Mapping[str, int | None]
    recipes: tuple[CandidateRow, ...]
    chosen: int
    leaders: str
    baseline: Baseline
    expected: Interval | None = None
    test: TestScore | None = None
    meaning: tuple[str, ...] = ()
    recipe: Recipe | None = field(default=None, repr=False)

    @property
    def against_baseline(self) -> str:
        """Whether there is a winner, in words."""
        return self.baseline.meaning

    @property
    def winner(self) -> CandidateRow:
        """The chosen recipe."""
        return next(row for row in self.recipes if row.candidate.leader.trial == self.chosen)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON: the shape of `tuner train --json`."""
        return {
            "study": self.study,
            "metric": self.metric,
            "direction": self.direction,
            "verdict": self.verdict,
            "file": self.file,
            "seeds": self.seeds,
            "seed": self.seed,
            "rows": dict(self.rows),
            "recipes": [row.to_json() for row in self.recipes],
            "chosen": self.chosen,
            "leaders": self.leaders,
            "baseline": dict(vars(self.baseline)),
            "expected": None if self.expected is None else self.expected.to_json(),
            "test": None if self.test is None else self.test.to_json(),
            "meaning": list(self.meaning),
        }

"""What `tuner train` found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tuner.catalog import Recipe
from tuner.protocol import ModelCost
from tuner.refit.intervals import Interval
from tuner.refit.result_summary import result_html, result_line
from tuner.refit.selection import Candidate

Verdict = Literal["winner", "unconfirmed", "none"]


@dataclass(frozen=True)
class CandidateRow:
    """A recipe that was trained again.

    Attributes:
        candidate: Its trainings.
        p: p-value of its difference from the chosen one, corrected by Holm; None for the chosen one.
        optimism: How much better its value in the search was than the mean of these trainings.
        cost: What one of its networks costs, or None if all diverged.
        seconds: Mean time to train one, in seconds, on all splits.
    """

    candidate: Candidate
    p: float | None
    optimism: float | None
    cost: ModelCost | None = None
    seconds: float | None = None

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
            "seconds": self.seconds,
            **cost_json(self.cost),
        }


@dataclass(frozen=True)
class ModelRow:
    """A model in the comparison on the validation part: one that could be saved, or a control.

    Attributes:
        name: "single", "ensemble", "mixture", "constant", "linear" or "boosting".
        about: What it is, in words.
        score: Its objective; of a single network, the mean over its seeds.
        interval: Confidence interval of the score, over rows, and seeds if it has some.
        bound: The lower confidence bound over seeds; None for controls.
        p: Of a control: the p-value that the model that is saved is better, corrected by Holm; of the constant
            answer, that of the baseline.
        cost: What it costs; of an ensemble that was not made, the sum over its members.
        seconds: Time to train it, in seconds, on all splits.
        shares: Trial → share of its recipe in the average; none for controls.
        note: Why it has no score, or None.
    """

    name: str
    about: str
    score: float | None
    interval: Interval | None = None
    bound: float | None = None
    p: float | None = None
    cost: ModelCost | None = None
    seconds: float | None = None
    shares: Mapping[int, float] = field(default_factory=dict)
    note: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "name": self.name,
            "about": self.about,
            "score": self.score,
            "interval": None if self.interval is None else self.interval.to_json(),
            "bound": self.bound,
            "p": self.p,
            "seconds": self.seconds,
            "shares": {str(trial): share for trial, share in self.shares.items()},
            "note": self.note,
            **cost_json(self.cost),
        }


@dataclass(frozen=True)
class MemberRow:
    """A network of the model that is saved.

    Attributes:
        trial: Its trial.
        seed: The seed of its recipe.
        weight: Its share of the average.
    """

    trial: int
    seed: int
    weight: float


@dataclass(frozen=True)
class HandedOver:
    """The model in the file.

    Attributes:
        model: "single", "ensemble" or "mixture".
        members: Its networks.
        temperature: Divides its logits; None if its probabilities are left as they are.
        cost: What it costs, preprocessing included.
        bytes: Size of the file.
    """

    model: str
    members: tuple[MemberRow, ...]
    temperature: float | None
    cost: ModelCost
    bytes: int

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "model": self.model,
            "members": [dict(vars(member)) for member in self.members],
            "temperature": self.temperature,
            "bytes": self.bytes,
            **cost_json(self.cost),
        }


def cost_json(cost: ModelCost | None) -> dict[str, Any]:
    """Return a cost as plain JSON, with null for what is not known."""
    return {
        "weights": None if cost is None else cost.weights,
        "predict_ms": None if cost is None else {"one_row": cost.one_row_ms, "rows_256": cost.batch_ms},
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
        values: The objective of each final training; None if it diverged.
        mean: Their mean.
        interval: Confidence interval of the mean, over seeds and rows.
        seed: Index of the single network that was saved, from 0; None for an ensemble.
        value: The objective of the saved model.
        value_interval: Confidence interval of this value, over the rows alone.
        score: What was expected from the validation part: of an ensemble, its value; of a single network, the mean.
        before: How often the test part of this study had been scored before.
    """

    values: tuple[float | None, ...]
    mean: float | None
    interval: Interval | None
    seed: int | None
    value: float | None
    value_interval: Interval | None
    score: float | None
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
            "score": self.score,
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
            validation part does not; nothing was scored or saved then, unless that was asked for.
        file: File that the model was saved in, or None if it was not.
        seeds: Number of seeds that each recipe was trained with.
        seed: Seed that they are derived from.
        rows: Number of rows: "train" (of the final training; None without one), "validation" and "test".
        recipes: The recipes that were trained again, in the order of the search.
        chosen: Number of the chosen trial.
        leaders: Whether the leading recipes can be told apart, in one sentence.
        baseline: The best constant answer.
        models: What could be handed over, and the controls.
        control: The sentence that a control is as good as the networks, or None.
        handed: The model in the file, or None if none was saved.
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
    models: tuple[ModelRow, ...] = ()
    control: str | None = None
    handed: HandedOver | None = None
    expected: Interval | None = None
    test: TestScore | None = None
    meaning: tuple[str, ...] = ()
    recipe: Recipe | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return result_line(self)

    def _repr_html_(self) -> str:
        return result_html(self)

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
            "models": [row.to_json() for row in self.models],
            "control": self.control,
            "handed_over": None if self.handed is None else self.handed.to_json(),
            "expected": None if self.expected is None else self.expected.to_json(),
            "test": None if self.test is None else self.test.to_json(),
            "meaning": list(self.meaning),
        }

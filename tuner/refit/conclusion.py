"""What the numbers of `tuner train` say, as sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tuner.catalog import Objective
from tuner.refit.refit_result import Baseline, RefitResult, Verdict
from tuner.refit.selection import ALPHA
from tuner.text import count, significant


def has_winner(baseline: Baseline) -> bool:
    """Return whether a recipe beats the best constant answer by more than chance."""
    return baseline.p is not None and baseline.p < ALPHA


def test_confirms(baseline: Baseline) -> bool:
    """Return whether the test part confirms the winner, or was not scored."""
    return baseline.test is None or (baseline.test_p is not None and baseline.test_p < ALPHA)


def verdict(baseline: Baseline) -> Verdict:
    """Return the verdict on a model that was scored on the test part, if there is one."""
    if not has_winner(baseline):
        return "none"
    return "winner" if test_confirms(baseline) else "unconfirmed"


def explain(trained: RefitResult) -> Iterator[str]:
    """Explain the result in sentences, the most important first."""
    if trained.control is not None:
        yield trained.control
    yield trained.leaders
    yield trained.baseline.meaning
    yield from _optimism(trained)
    if trained.handed is not None:
        yield from _handed_over(trained)
        yield from _test(trained)
    diverged = sum(row.candidate.values.count(None) for row in trained.recipes)
    if diverged:
        yield f"{count(diverged, 'training')} diverged; recipes with fewer diverged trainings rank first."


def against_baseline(found: Baseline, metric: str, *, save_anyway: bool = False) -> str:
    """Say whether the chosen recipe beats the best constant answer."""
    what = f"the best constant answer, {found.answer} ({metric} {significant(found.validation)} on the validation part)"
    looks = f"over seeds and rows, for the best of {count(found.tried, 'trial')}"
    if has_winner(found):
        return f"It beats {what} by more than chance explains (p {_p(found.p)}, {looks})."
    then = "The test part was not scored, and no model was saved; --save-anyway saves one."
    if save_anyway:
        then = "It was saved anyway, as --save-anyway requests."
    if not math.isfinite(found.validation):
        return f"No winner: {metric} is not defined for constant answers, so nothing can be shown to beat them. {then}"
    return (
        f"No winner: the chosen recipe is not better than {what} by more than chance explains "
        f"(p {_p(found.p)}, {looks}). {then}"
    )


def _optimism(trained: RefitResult) -> Iterator[str]:
    row, test = trained.winner, trained.test
    if row.optimism is None:
        return
    text = f"The search saw {trained.metric} {significant(row.candidate.leader.value)}: {_better_by(row.optimism)} "
    text += f"the mean of {count(len(row.candidate.complete), 'new seed')} on the same rows"
    if test is not None and test.mean is not None:
        gain = Objective(trained.metric, trained.direction).gain(row.candidate.leader.value, test.mean)
        text += f", and {_better_by(gain)} that on the test part"
    yield f"{text}."


def _handed_over(trained: RefitResult) -> Iterator[str]:
    rows, handed = {row.name: row for row in trained.models}, trained.handed
    if handed is None:
        return
    single, row = rows["single"], rows[handed.model]
    if handed.model != "single" and row.score is not None and single.score is not None:
        gain = Objective(trained.metric, trained.direction).gain(row.score, single.score)
        text = f"The {handed.model} of {len(handed.members)} networks has {trained.metric} {significant(row.score)}"
        yield f"{text}, {_better_by(gain)} one network on average."
    if "mixture" in rows and handed.model == "ensemble":
        yield "A mixture of the recipes was not chosen: its bound is no better than that of the ensemble."
    if handed.temperature is not None:
        yield f"Probabilities are calibrated: logits are divided by {significant(handed.temperature, 3)}."


def _test(trained: RefitResult) -> Iterator[str]:
    test, found = trained.test, trained.baseline
    if test is None:
        yield "The study has no test part (`test = 0`), so the saved model has not been scored on unseen rows."
        return
    if test.score is None:
        yield f"On the test part {trained.metric} is not defined, or the model's predictions are not finite."
        return
    if trained.expected is not None:
        low, high = trained.expected.low, trained.expected.high
        where = "it is inside" if low <= test.score <= high else "it is outside, which happens once in twenty times"
        between = f"{significant(low)} and {significant(high)}"
        yield f"From the validation part, the test score was expected between {between}: {where}."
    if found.test is not None and has_winner(found) and not test_confirms(found):
        yield (
            f"The test part does not confirm the winner: there it is not better than {found.answer} "
            f"({significant(found.test)}) by more than chance explains (p {_p(found.test_p)})."
        )
    if test.before:
        times = "once" if test.before == 1 else f"{test.before} times"
        yield f"The test part was scored {times} before: it is a test only as long as nothing is chosen by its score."


def _better_by(difference: float) -> str:
    if not difference:
        return "the same as"
    return f"{significant(abs(difference), 3)} {'better' if difference >= 0 else 'worse'} than"


def _p(p: float | None) -> str:
    if p is None:
        return "unknown"
    return "< 1e-6" if p < 1e-6 else f"= {p:.2g}"

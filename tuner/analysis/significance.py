"""Significance tests of the values of a dimension, with their limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tuner.analysis.rank_tests import holm, kruskal_wallis
from tuner.results import StoredStudy
from tuner.search import DEFAULT_SAMPLER, SAMPLERS

LEVEL = 0.05
LEAST = 3
"""Fewest complete trials of a value that is tested: two against anything say nothing."""


def significance_test(
    study: StoredStudy, dimension: str, labels: Sequence[str], samples: Sequence[Sequence[float]]
) -> dict[str, Any]:
    """Test all values by Kruskal-Wallis, and the best one against each other one.

    Args:
        study: The study.
        dimension: Its dimension.
        labels: Name of each value.
        samples: Objectives of the complete trials with each value.

    Returns:
        `{"statistic", "p", "leader", "meaning", "limits", "p_against_leader"}`: `leader` is the label with the best
        median among those tested; `p_against_leader` has one p per value, corrected by Holm, or None if it was not
        tested.  Without two values to test, statistic, p and leader are None.
    """
    tested = [index for index, sample in enumerate(samples) if len(sample) >= LEAST]
    limits = _limits(study, labels, samples)
    against: list[float | None] = [None] * len(samples)
    if len(tested) < 2:
        meaning = (
            f"There are too few complete trials to test {dimension}: a test needs {LEAST} with each of two values."
        )
        return _found(None, None, None, meaning, limits, against)
    statistic, p = kruskal_wallis([samples[index] for index in tested])
    leader = min(tested, key=lambda index: study.objective.sort_key(float(np.median(samples[index]))))
    others = [index for index in tested if index != leader]
    for index, corrected in zip(
        others, holm([kruskal_wallis([samples[leader], samples[index]])[1] for index in others]), strict=True
    ):
        against[index] = corrected
    meaning = _meaning(dimension, p, labels[leader], [(labels[index], against[index] or 0.0) for index in others])
    return _found(statistic, p, labels[leader], meaning, limits, against)


def _found(
    statistic: float | None, p: float | None, leader: str | None, meaning: str, limits: list[str], against: list[Any]
) -> dict[str, Any]:
    return {
        "statistic": statistic,
        "p": p,
        "leader": leader,
        "meaning": meaning,
        "limits": limits,
        "p_against_leader": against,
    }


def _meaning(dimension: str, p: float, leader: str, others: Sequence[tuple[str, float]]) -> str:
    """Explain the tests in one sentence."""
    if p >= LEVEL:
        return (
            f"The values of {dimension} cannot be told apart (Kruskal-Wallis, p = {p:.2g}): "
            f"that {leader} has the best median may be chance."
        )
    behind = [label for label, corrected in others if corrected < LEVEL]
    level = [label for label, corrected in others if corrected >= LEVEL]
    text = f"The values of {dimension} differ by more than chance explains (Kruskal-Wallis, p = {p:.2g})"
    if not behind:
        return f"{text}, but the best median, {leader}, cannot be told from any single other value."
    text += f"; the best median is {leader}, ahead of {', '.join(behind)} (p < {LEVEL} after Holm)"
    return f"{text}, and not to be told from {', '.join(level)}." if level else f"{text}."


def _limits(study: StoredStudy, labels: Sequence[str], samples: Sequence[Sequence[float]]) -> list[str]:
    """Explain the limits of the tests, a sentence each."""
    sampler = study.record.attrs.info.source.get("sampler", {}).get("name", DEFAULT_SAMPLER)
    found = []
    if sampler not in SAMPLERS or not SAMPLERS[sampler].independent:
        found.append(
            f"The sampler {sampler} chose these trials by what came before: they are no independent samples, and it "
            "tried good regions more often, so p is a guide and no proof. For a fair test run a study with the "
            "sampler random or grid."
        )
    few = [label for label, sample in zip(labels, samples, strict=True) if len(sample) < LEAST]
    if few:
        found.append(f"With fewer than {LEAST} complete trials, {', '.join(few)} was not tested.")
    if sum(map(len, samples)) < len(study.record.trials):
        found.append("Pruned and diverged trials are in the shares only: best, median, spread and p leave them out.")
    found.append("Trials that share a value of one dimension differ in the others.")
    return found

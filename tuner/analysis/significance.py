"""Whether a dimension mattered, and which of its values differ from the best one, with the limits of these tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tuner.analysis.main_effects import SIGNIFICANCE_LEVEL, MainEffect
from tuner.analysis.multiple_testing import holm
from tuner.results import StoredStudy
from tuner.search import DEFAULT_SAMPLER, SAMPLERS
from tuner.text import listed

MIN_TRIALS_PER_VALUE = 3
"""Fewest ranked trials of a value that is tested: two against anything say nothing."""

_PERMUTATIONS = 999


def significance_test(
    study: StoredStudy,
    dimension: str,
    effect: MainEffect | None,
    labels: Sequence[str],
    samples: Sequence[np.ndarray],
) -> dict[str, Any]:
    """Say whether a dimension mattered, and test its best value against each other one.

    No value differs from the best one unless the dimension mattered: p of a value is at least that of the dimension.

    Args:
        study: The study.
        dimension: Its dimension.
        effect: The main effect of the dimension, or None if it is not known.
        labels: Name of each value.
        samples: Ranks of the trials with each value, less the effects of other dimensions that mattered.

    Returns:
        `{"p", "leader", "meaning", "limits", "p_against_leader"}`: `p` is that of the effect; `leader` is the label
        with the best mean rank among those tested; `p_against_leader` has one p per value, corrected by Holm, or None
        if it was not tested.  Without an effect, or two values to test, p and leader are None.
    """
    tested = [index for index, sample in enumerate(samples) if len(sample) >= MIN_TRIALS_PER_VALUE]
    limits = _limits(study, labels, samples)
    against: list[float | None] = [None] * len(samples)
    found = {"p": None, "leader": None, "limits": limits, "p_against_leader": against}
    if effect is None or len(tested) < 2:
        return {**found, "meaning": f"There are too few trials to tell whether {dimension} mattered."}
    leader = max(tested, key=lambda index: float(samples[index].mean()))
    others = [index for index in tested if index != leader]
    pairs = holm([_difference_p(samples[leader], samples[index]) for index in others])
    for index, p in zip(others, pairs, strict=True):
        against[index] = max(p, effect.p)
    meaning = _meaning(dimension, effect, labels[leader], [(labels[i], against[i] or 0.0) for i in others])
    return {**found, "p": effect.p, "leader": labels[leader], "meaning": meaning}


def _difference_p(one: np.ndarray, other: np.ndarray) -> float:
    """Return the two-sided p of a difference of means, by permutation; the same samples give the same p."""
    both = np.concatenate([one, other])
    orders = np.random.default_rng(0).permuted(np.tile(both, (_PERMUTATIONS, 1)), axis=1)
    size = min(len(one), len(other))
    smaller = one if len(one) == size else other
    distance = abs(float(smaller.mean() - both.mean()))
    as_far = np.abs(orders[:, :size].mean(axis=1) - both.mean()) >= distance - 1e-9
    return (int(as_far.sum()) + 1) / (_PERMUTATIONS + 1)


def _meaning(dimension: str, effect: MainEffect, leader: str, others: Sequence[tuple[str, float]]) -> str:
    """Explain the tests in one sentence."""
    if not effect.mattered:
        return (
            f"{dimension} did not matter more than chance would explain (p = {effect.p:.2g}); "
            f"that {leader} ranks best may be chance."
        )
    behind = [label for label, p in others if p < SIGNIFICANCE_LEVEL]
    close = [label for label, p in others if p >= SIGNIFICANCE_LEVEL]
    text = f"{dimension} mattered (p = {effect.p:.2g}): {leader} ranks best"
    if not behind:
        return f"{text}, but no other value is clearly worse."
    text += f", ahead of {listed(behind)} (p < {SIGNIFICANCE_LEVEL}{' each' if len(behind) > 1 else ''})"
    return f"{text}; {listed(close)} may be as good." if close else f"{text}."


def _limits(study: StoredStudy, labels: Sequence[str], samples: Sequence[np.ndarray]) -> list[str]:
    """Explain the limits of the tests, a sentence each."""
    sampler = study.record.attrs.info.source.get("sampler", {}).get("name", DEFAULT_SAMPLER)
    found = []
    if sampler not in SAMPLERS or not SAMPLERS[sampler].independent:
        found.append(
            f"The sampler {sampler} soon leaves values that did badly, so a dimension that mattered may be missed. "
            "For an even comparison, run a study with the sampler random or grid."
        )
    few = [label for label, sample in zip(labels, samples, strict=True) if len(sample) < MIN_TRIALS_PER_VALUE]
    if few:
        found.append(f"Not tested, with fewer than {MIN_TRIALS_PER_VALUE} trials: {', '.join(few)}.")
    if any(trial.state.name != "COMPLETE" for trial in study.record.trials):
        found.append(
            "Best, median and spread cover complete trials only. The p values also cover pruned trials, by what they "
            "had reached, and diverged ones."
        )
    return found

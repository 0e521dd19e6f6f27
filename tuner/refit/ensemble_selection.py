"""The greedy mixture of recipes: ensemble selection with replacement.

Recipes are taken one after the other, each time the one with which the average scores best, the same one again if that
is it (Caruana, Niculescu-Mizil, Crew and Ksikes 2004, https://doi.org/10.1145/1015330.1015432).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tuner.refit.score_uncertainty import Answers, Measure
from tuner.refit.seed_ensemble import average

ROUNDS = 10
"""Most recipes that are taken."""
_MOST_ROWS = 2_000
"""Rows of a part that shares are chosen on."""


def greedy_shares(recipes: Sequence[Answers], measure: Measure) -> tuple[float, ...]:
    """Return the share of each recipe in the mixture that scores best on the measured rows.

    Of the mixtures of 1 to `ROUNDS` recipes the best one counts, the smallest of equals.

    Args:
        recipes: What the ensemble of each recipe answers.
        measure: The rows.
    """
    rows = [np.arange(len(truth))[:: max(1, -(-len(truth) // _MOST_ROWS))] for truth in measure.truths]
    some, key = measure.subset(rows), measure.objective.sort_key
    answers = [[part[chosen] for part, chosen in zip(given, rows, strict=True)] for given in recipes]
    taken: list[int] = []
    found: list[tuple[float, tuple[int, ...]]] = []
    for _ in range(ROUNDS):
        keys = [key(some.score(average([answers[i] for i in (*taken, new)]))) for new in range(len(answers))]
        taken.append(int(np.argmin(keys)))
        found.append((min(keys), tuple(taken)))
    _, best = min(found, key=lambda mixture: mixture[0])
    return tuple(best.count(number) / len(best) for number in range(len(recipes)))

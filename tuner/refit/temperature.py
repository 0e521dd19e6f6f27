"""Calibration of probabilities by one number, the temperature.

p becomes softmax(log(p) / T) for classes, and sigmoid(logit(p) / T) for a binary answer and for each label.  No
decision changes.  Source: Guo, Pleiss, Sun and Weinberger 2017, https://arxiv.org/abs/1706.04599; behind the average of
an ensemble: Rahaman and Thiery 2021, https://arxiv.org/abs/2007.08792.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tuner.catalog import METRICS, Task
from tuner.refit.score_uncertainty import Answers, Measure

SMALLEST_PROBABILITY = 1e-6
"""Smaller ones, and larger ones than 1 minus this, are clipped before the logarithm: float32 has no more near 1."""
_LOG_RANGE = math.log(10.0)
"""Temperatures are sought between 1 / 10 and 10."""


def calibrate(answers: Answers, temperature: float, task: Task) -> list[np.ndarray]:
    """Divide the logits of probabilities, `(n, k)` each."""
    return [_divided(scores, temperature, task) for scores in answers]


def fit_temperature(answers: Answers, measure: Measure) -> float:
    """Return the temperature with the smallest log loss on the measured rows.

    Args:
        answers: Probabilities of the model on rows that it was not trained on.
        measure: The rows; its task classifies.
    """
    from scipy.optimize import minimize_scalar

    truth = np.concatenate(measure.truths)
    scores = np.concatenate([np.asarray(part, np.float64) for part in answers])
    weight = _joined(measure.weights, [len(part) for part in measure.truths])
    loss = METRICS["log_loss"].function

    def cost(logarithm: float) -> float:
        return float(loss(truth, _divided(scores, math.exp(logarithm), measure.task), weight, str(measure.task)))

    found = minimize_scalar(cost, bounds=(-_LOG_RANGE, _LOG_RANGE), method="bounded", options={"xatol": 1e-3})
    return float(math.exp(found.x))


def _divided(scores: np.ndarray, temperature: float, task: Task) -> np.ndarray:
    shares = np.clip(np.asarray(scores, np.float64), SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)
    if task is Task.MULTICLASS:
        powers = shares ** (1.0 / temperature)
        normal: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
        return normal
    logits = (np.log(shares) - np.log1p(-shares)) / temperature
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)))


def _joined(weights: Sequence[np.ndarray | None], counts: Sequence[int]) -> np.ndarray | None:
    if all(weight is None for weight in weights):
        return None
    return np.concatenate(
        [np.ones(count) if weight is None else weight for weight, count in zip(weights, counts, strict=True)]
    )

"""The best constant answer: what a recipe must beat to be worth anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuner.catalog import Task
from tuner.data import Split
from tuner.refit.score_uncertainty import Measure

_MOST_CLASSES = 20


@dataclass(frozen=True)
class Constant:
    """A constant answer.

    Attributes:
        name: For people, as in 'always "3"'.
        values: The answer in each split: what a metric takes, `(k,)`.
    """

    name: str
    values: tuple[np.ndarray, ...]

    def answers(self, measure: Measure) -> list[np.ndarray]:
        """Return the answer to each measured row."""
        return [np.tile(value, (len(truth), 1)) for value, truth in zip(self.values, measure.truths, strict=True)]


def best_constant(measure: Measure, splits: Sequence[Split], classes: Sequence[str]) -> Constant:
    """Return the best of the constant answers that the training parts suggest, on the measured rows.

    It is chosen there, which favors it: a recipe must beat the best answer that needs no model at all.
    """
    found, sort_key = constants(splits, measure.task, classes), measure.objective.sort_key
    return min(found, key=lambda constant: sort_key(measure.score_if_defined(constant.answers(measure))))


def constants(splits: Sequence[Split], task: Task, classes: Sequence[str]) -> list[Constant]:
    """Return each class (of many, the most common one) and the shares of the classes; or mean and median of a
    target.
    """
    shares = [_mean_target(split) for split in splits]
    if task is Task.REGRESSION:
        middle = tuple(np.median(split.unscale(split.train.y), axis=0) for split in splits)
        means = tuple(split.unscale(share[None])[0] for split, share in zip(splits, shares, strict=True))
        return [Constant("the mean of the training part", means), Constant("the median of the training part", middle)]
    prior = Constant("the share of each class in the training part", tuple(shares))
    count = len(splits)
    if task is Task.BINARY:
        always = [Constant(f'always "{classes[k]}"', (np.array([float(k)]),) * count) for k in (0, 1)]
    elif task is Task.MULTICLASS:
        commonest = np.argsort(-shares[0], kind="stable")[:_MOST_CLASSES]
        always = [Constant(f'always "{classes[k]}"', (np.eye(len(classes))[k],) * count) for k in commonest]
    else:
        usual = Constant("each label as in most training rows", tuple((share > 0.5).astype(float) for share in shares))
        width = len(shares[0])
        always = [
            usual,
            Constant("every label", (np.ones(width),) * count),
            Constant("no label", (np.zeros(width),) * count),
        ]
    return [*always, prior]


def _mean_target(split: Split) -> np.ndarray:
    """Return the weighted mean of the (scaled) targets of the training part, `(k,)`."""
    mean: np.ndarray = np.average(split.train.y.astype(np.float64), axis=0, weights=split.train.weight)
    return mean

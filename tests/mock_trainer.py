"""A trainer that computes its curve from the recipe; without a study around it, as a worker imports it many times."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Mapping
from typing import Any

from tuner.engines import EpochRecord, NetworkSize, TrainingResult
from tuner.health import Finding, Fold, LayerHealth, Probe, assess


def quality(recipe: Mapping[str, Any]) -> float:
    """What a recipe can reach: best at a learning rate of 0.03 with Adam and tanh, in (0, 1)."""
    distance = abs(math.log10(recipe["learning_rate"] / 0.03))
    bonus = 0.05 * (recipe["optimizer"]["name"] == "adam") + 0.02 * (recipe["activation"] == "tanh")
    return 0.9 / (1.0 + distance) + bonus


def trainer(
    recipe: Mapping[str, Any], epoch_s: float = 0.0, diverges_above: float = math.inf, after: int = 0
) -> Generator[EpochRecord, None, TrainingResult]:
    """A curve that rises towards `quality`, and a look at its health after each epoch; deterministic.

    The epochs up to `after` were trained before.
    """
    value, probes = 0.0, [Probe(0, 1.0, (LayerHealth("hidden_1", 1.0, dead_share=0.0),), constant_loss=1.0)]
    for epoch in range(1, recipe["epochs"] + 1):
        if recipe["learning_rate"] > diverges_above:
            text = f"the training loss became nan in epoch {epoch}"
            return TrainingResult("diverged", None, text, (Finding("diverged", text, None, epoch, math.nan, None),))
        if epoch_s and epoch > after:
            time.sleep(epoch_s)
        value = quality(recipe) * (1 - math.exp(-epoch))
        probes.append(Probe(epoch, 1 - value, (LayerHealth("hidden_1", 0.5, 1e-3, dead_share=0.0),)))
        new = tuple(probes if epoch == 1 else probes[-1:])
        if epoch > after:
            yield EpochRecord(0, epoch, 1 - value, 1 - value, value, recipe["learning_rate"], epoch_s, new)
    return TrainingResult("complete", value, findings=assess([Fold(0, recipe["epochs"], probes, {})]))


def network_size(recipe: Mapping[str, Any]) -> NetworkSize:
    """A size for each recipe, whatever its model is; those of better ones are larger."""
    weights = 1_000 + round(10_000 * quality(recipe)) + recipe["seed"] % 3_000
    return NetworkSize(weights, weights, 10 * weights)

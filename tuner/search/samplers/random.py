"""Independent draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.search.samplers.base import SamplerEntry
from tuner.space import Space

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def build(seed: int, space: Space, trials: int | None) -> BaseSampler:
    """Make the sampler; see `SamplerEntry`."""
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=seed)


RANDOM = SamplerEntry(
    "random",
    "independent draws: the baseline for the others",
    "Bergstra and Bengio, Random Search for Hyper-Parameter Optimization, JMLR 2012",
    build,
    independent=True,
    optuna_class="RandomSampler",
)

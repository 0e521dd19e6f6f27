"""Draws from a low-discrepancy sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.catalog import Option
from tuner.search.samplers.base import SamplerEntry
from tuner.space import Categorical, Fixed, Space

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def build(seed: int, space: Space, trials: int | None, *, qmc_type: str = "sobol") -> BaseSampler:
    """Make the sampler; see `SamplerEntry`."""
    from tuner.search.samplers.quasi_random_sampler import QuasiRandomSampler

    return QuasiRandomSampler(space, seed, qmc_type)


QUASI_RANDOM = SamplerEntry(
    "quasi_random",
    "draws that cover the space more evenly than random ones; respects conditions",
    "Bousquet et al., Critical Hyper-Parameters: No Random, No Cry, arXiv:1706.03200",
    build,
    (Option("qmc_type", "sobol", Fixed("sobol"), Categorical(("sobol", "halton")), "the low-discrepancy sequence"),),
    independent=True,
    optuna_class="QuasiRandomSampler",
)

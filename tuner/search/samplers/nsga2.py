"""Evolution: crossover and mutation of the best trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.catalog import Option
from tuner.search.samplers.base import SamplerEntry
from tuner.space import Fixed, Float, Int, Space

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def build(
    seed: int, space: Space, trials: int | None, *, population_size: int = 20, mutation_prob: float | None = None
) -> BaseSampler:
    """Make the sampler; see `SamplerEntry`."""
    from optuna.samplers import NSGAIISampler

    return NSGAIISampler(seed=seed, population_size=population_size, mutation_prob=mutation_prob)


NSGA2 = SamplerEntry(
    "nsga2",
    "evolution: crossover and mutation of the best trials; conditional parameters are drawn at random",
    "Deb et al., A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II, 2002",
    build,
    (
        Option("population_size", 20, Fixed(20), Int(2, 10_000), "trials per generation"),
        Option(
            "mutation_prob",
            None,
            Fixed(None),
            Float(0.0, 1.0),
            "probability that a value is redrawn; default 1 / count",
        ),
    ),
    independent=False,
    optuna_class="NSGAIISampler",
    failure_encoding="values",
)

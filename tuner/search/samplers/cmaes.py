"""Covariance matrix adaptation, for ranges of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.catalog import Option
from tuner.search.samplers.base import STARTUP, SamplerEntry, refuse
from tuner.search.samplers.tpe import build as build_tpe
from tuner.space import Fixed, Float, Int, Space

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def build(
    seed: int, space: Space, trials: int | None, *, n_startup_trials: int = 10, popsize: int | None = None
) -> BaseSampler:
    """Make the sampler; see `SamplerEntry`."""
    refuse(_incompatible_because(space, trials))
    from tuner.search.samplers.cmaes_sampler import CmaEsSampler

    return CmaEsSampler(
        space, seed, n_startup_trials, popsize, build_tpe(seed, space, trials, n_startup_trials=n_startup_trials)
    )


def _incompatible_because(space: Space, trials: int | None) -> str | None:
    if not any(isinstance(d.parameter, Float | Int) and not d.conditions for d in space.searched):
        return "cmaes searches ranges of numbers that are active in every trial, and the space has none; use tpe"
    return None


CMAES = SamplerEntry(
    "cmaes",
    "covariance matrix adaptation over the unconditional numbers; choices and conditional ones come from tpe",
    "Hansen, The CMA Evolution Strategy: A Tutorial, arXiv:1604.00772",
    build,
    (
        STARTUP,
        Option("popsize", None, Fixed(None), Int(2, 10_000), "trials per generation; default 4 + 3 ln(dimensions)"),
    ),
    independent=False,
    optuna_class="CmaEsSampler",
    failure_encoding="values",
    incompatible_because=_incompatible_because,
)

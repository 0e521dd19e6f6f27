"""A Gaussian process, for few and expensive trials."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from tuner.search.samplers.base import STARTUP, SamplerEntry, refuse
from tuner.search.samplers.tpe import build as build_tpe
from tuner.space import Space
from tuner.text import install_text

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


GP_TRIALS = 200
"""Above this many trials an ask of the Gaussian process costs more than most trainings: 0.3 s at 100, 2 s at 1,000."""


def build(seed: int, space: Space, trials: int | None, *, n_startup_trials: int = 10) -> BaseSampler:
    """Make the sampler; see `SamplerEntry`."""
    refuse(_incompatible_because(space, trials))
    from optuna.samplers import GPSampler

    # The Gaussian process covers what all trials have in common; Optuna draws the rest at random unless told otherwise.
    rest = build_tpe(seed, space, trials, n_startup_trials=n_startup_trials)
    return GPSampler(
        seed=seed, n_startup_trials=n_startup_trials, independent_sampler=rest, warn_independent_sampling=False
    )


def _incompatible_because(space: Space, trials: int | None) -> str | None:
    if importlib.util.find_spec("torch") is None:
        return f"the sampler gp needs the optional package torch: {install_text('gp')}"
    return None


def _advice(space: Space, trials: int | None) -> str | None:
    if trials is None or trials <= GP_TRIALS:
        return None
    return (
        f"gp is meant for {GP_TRIALS} trials at most (a proposal takes 2 s at 1,000 trials), but {trials} are planned"
    )


GP = SamplerEntry(
    "gp",
    "Gaussian process with log expected improvement: few, expensive trials (up to about 200); needs torch",
    "Ament et al., Unexpected Improvements to Expected Improvement, NeurIPS 2023",
    build,
    (STARTUP,),
    independent=False,
    optuna_class="GPSampler",
    failure_encoding="values",
    incompatible_because=_incompatible_because,
    advice=_advice,
)

"""The default: a tree-structured Parzen estimator."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from tuner.catalog import Option
from tuner.search.samplers.base import STARTUP, SamplerEntry
from tuner.search.trial_window import WINDOW
from tuner.space import Categorical, Fixed, Float, Int, Space

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def build(
    seed: int,
    space: Space,
    trials: int | None,
    *,
    n_startup_trials: int = 10,
    n_ei_candidates: int = 24,
    group: bool = False,
    window: int = WINDOW,
    random_fraction: float = 0.25,
) -> BaseSampler:
    """Make the sampler; see `SamplerEntry`."""
    from optuna.exceptions import ExperimentalWarning

    from tuner.search.samplers.tpe_sampler import TPESampler

    # An ask with 13 dimensions (5 of them conditional) takes 12 / 25 ms after 100 / 500 trials; with `group` 18 / 43.
    # On a synthetic function (150 trials, 20 seeds) the results did not differ beyond noise: hence without `group`.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # `group`
        return TPESampler(
            window=window,
            random_fraction=random_fraction,
            seed=seed,
            n_startup_trials=n_startup_trials,
            n_ei_candidates=n_ei_candidates,
            group=group,
        )


TPE = SamplerEntry(
    "tpe",
    "tree-structured Parzen estimator: learns from good, bad, pruned and diverged trials; handles conditions",
    "Bergstra et al., Algorithms for Hyper-Parameter Optimization, 2011; Watanabe, arXiv:2304.11127",
    build,
    (
        STARTUP,
        Option("n_ei_candidates", 24, Fixed(24), Int(1, 10_000), "points compared for each proposal"),
        Option(
            "group", False, Fixed(False), Categorical((True, False)), "model conditional parameters jointly; slower"
        ),
        Option(
            "window",
            WINDOW,
            Fixed(WINDOW),
            Int(250, 1_000_000),
            "most finished trials considered besides the best 25; bounds the cost of a proposal",
        ),
        Option(
            "random_fraction",
            0.25,
            Fixed(0.25),
            Float(0.0, 1.0),
            "share of the trials that are drawn at random: TPE alone leaves bad values too soon to tell what mattered",
        ),
    ),
    independent=False,
    optuna_class="TPESampler",
    failure_encoding="feasibility",
)

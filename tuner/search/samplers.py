"""The samplers: who proposes the next setting.

The table is read without Optuna, SciPy or torch; they are imported when a sampler is built.

Samplers keep no state of their own between processes.  When a study goes on, the caller builds the sampler anew with a
seed made from (seed of the study, number of existing trials): the same seed would repeat the first proposals.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tuner.errors import UsageError
from tuner.registry import Table
from tuner.search.window import WINDOW
from tuner.space import Categorical, Fixed, Float, Int, Space
from tuner.training import Option, Row

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

GRID_LIMIT = 100_000
"""Most settings a grid may have; they are all held in memory (about 100 MB for 13 dimensions)."""

GP_TRIALS = 200
"""Above this many trials an ask of the Gaussian process costs more than most trainings: 0.3 s at 100, 2 s at 1,000."""

Learns = Literal["feasibility", "values", "nothing"]
"""What a sampler reads: pruned trials and constraints; the values of complete trials only; no trial at all."""


def _never(space: Space, trials: int | None) -> str | None:
    return None


@dataclass(frozen=True)
class SamplerRow(Row):
    """A sampler.

    `build(seed, space, trials, **options)` gives an `optuna.samplers.BaseSampler`; `trials` is how many trials are
    planned, None where the budget does not say.  It raises `UsageError` with the reason of `unsuited`.

    Attributes:
        optuna_class: Name of the Optuna class it is, or is derived from.
        independent: Whether it proposes without regard to the values of earlier trials, so that tests which need
            independent samples hold.
        learns: What it reads of finished trials, and so how a diverged one is told to it: see `outcomes.tell`.
        unsuited: `(space, trials)` → why it cannot be used, or None.
        advice: `(space, trials)` → why another one would do better, or None.
    """

    independent: bool = field(kw_only=True)
    optuna_class: str = ""
    learns: Learns = "nothing"
    unsuited: Callable[[Space, int | None], str | None] = _never
    advice: Callable[[Space, int | None], str | None] = _never


def _grid(seed: int, space: Space, trials: int | None) -> BaseSampler:
    from tuner.search.grid import GridSampler

    _refuse(_grid_unsuited(space, trials))
    return GridSampler(space, seed)


def _grid_unsuited(space: Space, trials: int | None) -> str | None:
    endless = [d for d in space if isinstance(d.parameter, Float) and d.parameter.size == float("inf")]
    if endless:
        names = ", ".join(f"{d.name} ({d.parameter})" for d in endless)
        return f"a grid needs a finite space, but these dimensions are continuous: {names}; give them a step or a list"
    if space.size > GRID_LIMIT:
        return f"a grid may have {GRID_LIMIT:,} settings at most, but this space has more; shorten the lists"
    return None


def _grid_advice(space: Space, trials: int | None) -> str | None:
    if trials is None or space.size <= trials:
        return None
    return f"the grid has {space.size:,} settings and only {trials} trials are planned: a random part of it is tried"


def _random(seed: int, space: Space, trials: int | None) -> BaseSampler:
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=seed)


def _quasi_random(seed: int, space: Space, trials: int | None, *, qmc_type: str = "sobol") -> BaseSampler:
    from tuner.search.quasi_random import QuasiRandomSampler

    return QuasiRandomSampler(space, seed, qmc_type)


def _tpe(
    seed: int,
    space: Space,
    trials: int | None,
    *,
    n_startup_trials: int = 10,
    n_ei_candidates: int = 24,
    group: bool = False,
    window: int = WINDOW,
) -> BaseSampler:
    from optuna.exceptions import ExperimentalWarning

    from tuner.search.tpe import TPESampler

    # An ask with 13 dimensions (5 of them conditional) takes 12 / 25 ms after 100 / 500 trials; with `group` 18 / 43.
    # On a synthetic function (150 trials, 20 seeds) the results did not differ beyond noise: hence without `group`.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # `group`
        return TPESampler(
            window=window, seed=seed, n_startup_trials=n_startup_trials, n_ei_candidates=n_ei_candidates, group=group
        )


def _gp(seed: int, space: Space, trials: int | None, *, n_startup_trials: int = 10) -> BaseSampler:
    _refuse(_gp_unsuited(space, trials))
    from optuna.samplers import GPSampler

    # The Gaussian process covers what all trials have in common; Optuna draws the rest at random unless told otherwise.
    rest = _tpe(seed, space, trials, n_startup_trials=n_startup_trials)
    return GPSampler(
        seed=seed, n_startup_trials=n_startup_trials, independent_sampler=rest, warn_independent_sampling=False
    )


def _gp_unsuited(space: Space, trials: int | None) -> str | None:
    if importlib.util.find_spec("torch") is None:
        return "the sampler gp needs the optional package torch: pip install keras-studies[gp]"
    return None


def _gp_advice(space: Space, trials: int | None) -> str | None:
    if trials is None or trials <= GP_TRIALS:
        return None
    return f"gp is meant for {GP_TRIALS} trials at most (an ask costs 2 s at 1,000 trials), but {trials} are planned"


def _cmaes(
    seed: int, space: Space, trials: int | None, *, n_startup_trials: int = 10, popsize: int | None = None
) -> BaseSampler:
    _refuse(_cmaes_unsuited(space, trials))
    from tuner.search.cmaes import CmaEsSampler

    return CmaEsSampler(
        space, seed, n_startup_trials, popsize, _tpe(seed, space, trials, n_startup_trials=n_startup_trials)
    )


def _cmaes_unsuited(space: Space, trials: int | None) -> str | None:
    if not any(isinstance(d.parameter, Float | Int) and not d.conditions for d in space.searched):
        return "cmaes searches ranges of numbers that count in every trial, and the space has none; take tpe"
    if importlib.util.find_spec("cmaes") is None:
        return "the sampler cmaes needs the package cmaes: pip install cmaes"
    return None


def _nsga2(
    seed: int, space: Space, trials: int | None, *, population_size: int = 20, mutation_prob: float | None = None
) -> BaseSampler:
    from optuna.samplers import NSGAIISampler

    return NSGAIISampler(seed=seed, population_size=population_size, mutation_prob=mutation_prob)


def _refuse(reason: str | None) -> None:
    if reason is not None:
        raise UsageError(f"This sampler cannot be used: {reason}.")


_STARTUP = Option("n_startup_trials", 10, Fixed(10), Int(1, 10_000), "trials drawn at random before the model is used")

SAMPLERS: Table[SamplerRow] = Table(
    "sampler",
    SamplerRow(
        "tpe",
        "tree-structured Parzen estimator: learns from good, bad, pruned and diverged trials; handles conditions",
        "Bergstra et al., Algorithms for Hyper-Parameter Optimization, 2011; Watanabe, arXiv:2304.11127",
        _tpe,
        (
            _STARTUP,
            Option("n_ei_candidates", 24, Fixed(24), Int(1, 10_000), "points compared for each proposal"),
            Option(
                "group", False, Fixed(False), Categorical((True, False)), "model conditional parameters jointly; slower"
            ),
            Option(
                "window",
                WINDOW,
                Fixed(WINDOW),
                Int(250, 1_000_000),
                "most finished trials looked at, beside the best 25: bounds the cost of an ask",
            ),
        ),
        independent=False,
        optuna_class="TPESampler",
        learns="feasibility",
    ),
    SamplerRow(
        "random",
        "independent draws: the yardstick for the others",
        "Bergstra and Bengio, Random Search for Hyper-Parameter Optimization, JMLR 2012",
        _random,
        independent=True,
        optuna_class="RandomSampler",
    ),
    SamplerRow(
        "quasi_random",
        "draws that cover the space more evenly than random ones; conditions hold",
        "Bousquet et al., Critical Hyper-Parameters: No Random, No Cry, arXiv:1706.03200",
        _quasi_random,
        (
            Option(
                "qmc_type", "sobol", Fixed("sobol"), Categorical(("sobol", "halton")), "the low-discrepancy sequence"
            ),
        ),
        independent=True,
        optuna_class="QuasiRandomSampler",
    ),
    SamplerRow(
        "grid",
        "every setting of a finite space once, in shuffled order; conditions hold",
        "optuna.samplers.GridSampler, which knows no conditions",
        _grid,
        independent=True,
        optuna_class="GridSampler",
        unsuited=_grid_unsuited,
        advice=_grid_advice,
    ),
    SamplerRow(
        "gp",
        "Gaussian process with log expected improvement: few, expensive trials (up to about 200); needs torch",
        "Ament et al., Unexpected Improvements to Expected Improvement, NeurIPS 2023",
        _gp,
        (_STARTUP,),
        independent=False,
        optuna_class="GPSampler",
        learns="values",
        unsuited=_gp_unsuited,
        advice=_gp_advice,
    ),
    SamplerRow(
        "cmaes",
        "covariance matrix adaptation over the unconditional numbers; choices and conditional ones come from tpe",
        "Hansen, The CMA Evolution Strategy: A Tutorial, arXiv:1604.00772",
        _cmaes,
        (
            _STARTUP,
            Option("popsize", None, Fixed(None), Int(2, 10_000), "trials a generation; default 4 + 3 ln(dimensions)"),
        ),
        independent=False,
        optuna_class="CmaEsSampler",
        learns="values",
        unsuited=_cmaes_unsuited,
    ),
    SamplerRow(
        "nsga2",
        "evolution: crossover and mutation of the best trials; conditional parameters are drawn at random",
        "Deb et al., A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II, 2002",
        _nsga2,
        (
            Option("population_size", 20, Fixed(20), Int(2, 10_000), "trials a generation"),
            Option(
                "mutation_prob",
                None,
                Fixed(None),
                Float(0.0, 1.0),
                "chance that a value is drawn anew; default 1 / count",
            ),
        ),
        independent=False,
        optuna_class="NSGAIISampler",
        learns="values",
    ),
)
DEFAULT_SAMPLER = "tpe"

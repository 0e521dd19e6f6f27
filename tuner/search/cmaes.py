"""CMA-ES over the numbers that count in every trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import optuna.samplers

from tuner.search.distributions import distribution
from tuner.space import Float, Int, Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial


class CmaEsSampler(optuna.samplers.CmaEsSampler):
    """`optuna.samplers.CmaEsSampler` with a space that does not shrink.

    Optuna's takes what the trials so far have in common.  The first complete trial makes its conditional numbers part
    of that; as soon as a trial lacks them, the count of dimensions no longer fits, and everything is drawn
    independently from then on.  Here the dimensions are the unconditional numbers of our space from the start.

    Optuna keeps the state of the algorithm pickled in the database: go on only with studies of a database you trust.

    Args:
        space: The space.
        seed: Seed of the algorithm.
        startup: Trials drawn by `rest` before it begins.
        population: Trials a generation; None for the algorithm's own, 4 + 3 ln(dimensions).
        rest: Sampler of choices and of conditional numbers.
    """

    def __init__(self, space: Space, seed: int, startup: int, population: int | None, rest: BaseSampler) -> None:
        super().__init__(
            seed=seed,
            n_startup_trials=startup,
            popsize=population,
            independent_sampler=rest,
            warn_independent_sampling=False,
        )
        self._numbers: dict[str, BaseDistribution] = {
            dimension.name: distribution(dimension.parameter)
            for dimension in space.searched
            if isinstance(dimension.parameter, Float | Int) and not dimension.conditions
        }

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The unconditional numbers."""
        return dict(self._numbers)

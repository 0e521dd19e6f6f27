"""CMA-ES over the numbers that count in every trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import optuna.samplers
from optuna.study import StudyDirection
from optuna.trial import TrialState

from tuner.catalog import Objective
from tuner.optuna_internals import SearchSpaceTransform
from tuner.search.distributions import distribution
from tuner.space import Float, Int, Space

if TYPE_CHECKING:
    from cmaes import CMA
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

GENERATION = "cma:generation"
"""System attribute of a trial that CMA-ES proposed: the generation it belongs to, from 0.  Optuna's own key."""
POPULATION = "cma:population"
"""System attribute of such a trial: trials a generation."""

_LARGEST_POPULATION = 10_000


class CmaEsSampler(optuna.samplers.CmaEsSampler):
    """`optuna.samplers.CmaEsSampler` with a space that does not shrink, and without pickles.

    Optuna's takes what the trials so far have in common.  The first complete trial makes its conditional numbers part
    of that; as soon as a trial lacks them, the count of dimensions no longer fits, and everything is drawn
    independently from then on.  Here the dimensions are the unconditional numbers of our space from the start.

    Optuna keeps the state of the algorithm pickled in the database, and a pickle is code: anybody who can write to the
    database could run commands as everyone who resumes the study.  Here the state is computed from the trials: it is
    a function of the space and of the solutions of each generation, which are told again when a process starts.

    Args:
        space: The space.
        seed: Seed of the algorithm.
        startup: Trials drawn by `rest` before it begins.
        population: Trials a generation; None for the algorithm's own, 4 + 3 ln(dimensions).  A study keeps the
            population that it began with.
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
        self._optimizer: CMA | None = None

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the unconditional numbers."""
        return dict(self._numbers)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Propose values for the unconditional numbers; none during startup."""
        complete = study._get_trials(deepcopy=False, states=(TrialState.COMPLETE,), use_cache=True)
        if not search_space or len(complete) < self._n_startup_trials:
            return {}
        transform = SearchSpaceTransform(search_space, transform_0_1=True)
        optimizer = self._updated(study.direction, complete, transform)
        # As in Optuna: a process that resumes the study, or runs beside another one, must not draw the same values.
        optimizer._rng.seed(self._cma_rng.rng.randint(1, 2**16) + trial.number)
        values = optimizer.ask()
        for key, value in ((GENERATION, optimizer.generation), (POPULATION, optimizer.population_size)):
            study._storage.set_trial_system_attr(trial._trial_id, key, value)
        return transform.untransform(values)

    def _updated(self, direction: StudyDirection, complete: list[FrozenTrial], transform: SearchSpaceTransform) -> CMA:
        """Tell the optimizer of every generation that is complete by now; a new one starts from the first."""
        objective = Objective("objective", direction.name.lower())
        proposed = [trial for trial in complete if GENERATION in trial.system_attrs and self._fits(trial)]
        if self._optimizer is None:
            self._popsize = next(filter(None, map(_population, proposed)), self._popsize)
            self._optimizer = self._init_optimizer(transform, direction)
        optimizer = self._optimizer
        while True:
            solutions = [trial for trial in proposed if trial.system_attrs[GENERATION] == optimizer.generation]
            if len(solutions) < optimizer.population_size:
                return optimizer
            # In the order of their ends: those that a run was told of are the first ones in the next run, too.
            solutions.sort(key=lambda trial: (trial.datetime_complete, trial.number))
            optimizer.tell(
                [
                    (transform.transform(trial.params), objective.sort_key(trial.value))
                    for trial in solutions[: optimizer.population_size]
                ]
            )

    def _fits(self, trial: FrozenTrial) -> bool:
        """Return whether a trial has a value in range for every number: a database may hold anything."""
        return all(
            name in trial.params and number._contains(number.to_internal_repr(trial.params[name]))
            for name, number in self._numbers.items()
        )


def _population(trial: FrozenTrial) -> int | None:
    """Return the population that a trial was proposed in; None if it is not recorded, or cannot be one."""
    value = trial.system_attrs.get(POPULATION)
    return value if type(value) is int and 2 <= value <= _LARGEST_POPULATION else None

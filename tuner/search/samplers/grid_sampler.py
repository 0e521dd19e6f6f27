"""Every setting of a finite space once, conditions included."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tuner.optuna_internals import fixed_params
from tuner.search.distributions import to_optuna_params
from tuner.search.samplers.independent_sampler_base import IndependentSampler
from tuner.space import Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial, TrialState

_Key = tuple[tuple[str, str], ...]


class GridSampler(IndependentSampler):
    """Proposes the settings of the space in shuffled order, none of them twice.

    Optuna's own grid is the product of all lists, which knows no conditions.  What was tried is read from the
    parameters of the stored trials, so that neither another seed nor enqueued trials matter when a study resumes.  A
    failed trial counts as tried.  Once nothing is left, the first setting is proposed again and again.

    Args:
        space: A finite space.
        seed: Source of the order.
    """

    def __init__(self, space: Space, seed: int) -> None:
        settings = [to_optuna_params(values, space) for values in space.enumerate_grid()]
        random.Random(seed).shuffle(settings)
        self._settings = settings
        self._left = {_key(setting): setting for setting in settings}
        self._read: set[int] = set()  # numbers of trials that are taken account of
        self._chosen: dict[int, dict[str, Any]] = {}  # setting by number, for trials of this process

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Choose a setting that was not tried and agrees with what was enqueued."""
        self._read_trials(study, trial.number)
        # A trial that runs again after its worker died has its parameters already.
        fixed = {**trial.params, **fixed_params(trial)}
        candidates = (*self._left.values(), *self._settings)
        setting = next((s for s in candidates if _agrees(s, fixed)), self._settings[0])
        self._left.pop(_key(setting), None)
        self._chosen[trial.number] = setting

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return the value of the chosen setting."""
        setting = self._chosen[trial.number]
        if param_name not in setting:  # the user enqueued values that are not on the grid
            setting = next(other for other in self._settings if param_name in other)
        return setting[param_name]

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Forget the choice."""
        self._chosen.pop(trial.number, None)

    def _read_trials(self, study: Study, current: int) -> None:
        # From the storage: with Hyperband, Optuna gives samplers a study that shows the trials of one bracket only.
        for trial in study._storage.get_all_trials(study._study_id, deepcopy=False):
            known = trial.number in self._read or trial.number in self._chosen or trial.number == current
            setting = trial.params or fixed_params(trial)
            if known or not (trial.state.is_finished() or setting):
                continue
            self._left.pop(_key(setting), None)
            if trial.state.is_finished():
                self._read.add(trial.number)


def _key(setting: Mapping[str, Any]) -> _Key:
    """Return a key of a setting; numbers are rounded, as 0.1 + 2 * 0.1 and an enqueued 0.3 are the same grid point."""
    return tuple(
        sorted((name, f"{value:.9g}" if isinstance(value, float) else repr(value)) for name, value in setting.items())
    )


def _agrees(setting: Mapping[str, Any], fixed: Mapping[str, Any]) -> bool:
    return all(name in setting and _key({"": setting[name]}) == _key({"": value}) for name, value in fixed.items())

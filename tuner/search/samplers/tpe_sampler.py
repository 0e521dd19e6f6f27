"""TPE that looks at a bounded number of trials, so that an ask costs the same after 10,000 trials as after 1,000.

Optuna's TPE fits one density to the best 25 trials and another one to all others, each time it is asked.  Here the
others are a part of them, spread evenly from the first to the last; the best 25 are the best of all trials.  So the
density of the good settings is the one that Optuna would fit, and that of the others is an estimate of it from fewer
points.

Optuna's private `_split_trials` ranks the trials.  A test compares what is proposed with what Optuna's own
sampler proposes, for the installed version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import optuna.samplers
from optuna.trial import TrialState

from tuner.optuna_internals import default_gamma, split_trials
from tuner.search.trial_window import FinishedTrials, WindowedStudy, by_number

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

_N_BEST = default_gamma(1_000_000)
"""Number of trials that the density of the good settings is fitted to: 25."""


class TPESampler(optuna.samplers.TPESampler):
    """`optuna.samplers.TPESampler` that looks at `window` finished trials, at the best 25 of all, and at what runs.

    Without random trials, and up to `window` finished ones, it proposes what Optuna's proposes.

    Args:
        window: Most finished trials considered, besides the best; at least `n_startup_trials` are.
        random_fraction: Share of the trials that are drawn at random, evenly spread by their numbers.
        options: Those of Optuna's.
    """

    def __init__(self, *, window: int, random_fraction: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self._random_fraction = random_fraction
        self._window = max(window, self._n_startup_trials)
        self._finished = FinishedTrials((TrialState.COMPLETE, TrialState.PRUNED))
        self._best: list[FrozenTrial] = []
        self._common: dict[str, BaseDistribution] | None = None  # what all of them have in common
        self._shown: tuple[int, list[FrozenTrial]] | None = None

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Drop the view of the trial before; see `optuna.samplers.BaseSampler`."""
        self._shown = None
        super().before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the intersection search space of the finished trials; with `group`, the grouped one of visible ones.

        Optuna's own looks again at all trials that are newer than the oldest one that runs.
        """
        if self._is_random(trial):
            return {}
        view = self._view(study, trial)
        if self._group:
            return super().infer_relative_search_space(view, trial)
        return {name: one for name, one in sorted((self._common or {}).items()) if not one.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Propose values for the intersection search space."""
        if self._is_random(trial):
            return {}
        return super().sample_relative(self._view(study, trial), trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Propose the value of one of the other parameters."""
        if self._is_random(trial):
            # That of the startup trials: another one with the same seed would draw them again.
            return self._random_sampler.sample_independent(study, trial, param_name, param_distribution)
        return super().sample_independent(self._view(study, trial), trial, param_name, param_distribution)

    def _is_random(self, trial: FrozenTrial) -> bool:
        before, after = (int(number * self._random_fraction) for number in (trial.number, trial.number + 1))
        return before < after

    def _view(self, study: Study, trial: FrozenTrial) -> Study:
        if self._shown is None or self._shown[0] != trial.number:
            self._shown = trial.number, self._choose(study)
        return cast("Study", WindowedStudy(study, self._shown[1]))

    def _choose(self, study: Study) -> list[FrozenTrial]:
        """Choose the visible trials, in the order of their numbers."""
        trials = study._get_trials(deepcopy=False)
        fresh, unfinished = self._finished.take_in(trials)
        for trial in fresh:
            common = trial.distributions if self._common is None else self._common
            self._common = {name: one for name, one in common.items() if trial.distributions.get(name) == one}
        # The best of all are among the best so far and the fresh ones; equals are ranked by their numbers.
        self._best, _ = split_trials(study, sorted([*self._best, *fresh], key=by_number), _N_BEST)
        if len(self._finished) <= self._window:
            return trials
        shown = [*self._finished.spread(self._window), *self._best, *unfinished]
        return sorted({trial.number: trial for trial in shown}.values(), key=by_number)

"""Quasi-random search over a space with conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from tuner.search.samplers.independent_sampler_base import IndependentSampler
from tuner.space import Space

if TYPE_CHECKING:
    import numpy as np
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

_SEED = "quasi_random:seed"


class QuasiRandomSampler(IndependentSampler):
    """One coordinate of a scrambled low-discrepancy sequence for every searched dimension, active or not.

    Optuna's own sampler takes the dimensions of the first trial and draws all others at random.  Here a dimension keeps
    its coordinate, trial n takes point n, and what is inactive is not asked for.  The seed of the scrambling is stored
    with the study, as a study that resumes must stay in one sequence.

    Args:
        space: The space; its order is that of the coordinates.
        seed: Seed of the scrambling, if the study has none yet.
        sequence: "sobol" or "halton".
    """

    def __init__(self, space: Space, seed: int, sequence: str) -> None:
        self._coordinates = {dimension.name: index for index, dimension in enumerate(space.searched)}
        self._seed = seed
        self._sequence = sequence
        self._point: tuple[int, np.ndarray] | None = None  # number of the trial, coordinates

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return the value at the coordinate of this dimension."""
        if self._point is None or self._point[0] != trial.number:
            self._point = trial.number, self._draw(self._stored_seed(study), trial.number)
        return _at(param_distribution, float(self._point[1][self._coordinates[param_name]]))

    def _stored_seed(self, study: Study) -> int:
        # Through the storage: Optuna deprecated the public call for system attributes.
        attributes = study._storage.get_study_system_attrs(study._study_id)
        if _SEED not in attributes:
            study._storage.set_study_system_attr(study._study_id, _SEED, self._seed)
        return int(attributes.get(_SEED, self._seed))

    def _draw(self, seed: int, number: int) -> np.ndarray:
        """Draw point `number` of the sequence, in [0, 1), shape `(dimensions,)`."""
        from scipy.stats import qmc

        engine = {"sobol": qmc.Sobol, "halton": qmc.Halton}[self._sequence](
            len(self._coordinates), scramble=True, seed=seed
        )
        if number:
            engine.fast_forward(number)
        point: np.ndarray = engine.random(1)[0]
        return point


def _at(distribution: BaseDistribution, share: float) -> Any:
    """Return the quantile of the distribution at `share`, in [0, 1)."""
    match distribution:
        case CategoricalDistribution():
            return distribution.choices[int(share * len(distribution.choices))]
        case FloatDistribution() if distribution.log:
            return min(distribution.low * (distribution.high / distribution.low) ** share, distribution.high)
        case FloatDistribution(step=None):
            return distribution.low + share * (distribution.high - distribution.low)
        case FloatDistribution(step=float(step)):
            count = round((distribution.high - distribution.low) / step) + 1
            return min(distribution.low + int(share * count) * step, distribution.high)
        case IntDistribution() if distribution.log:
            low, high = distribution.low - 0.5, distribution.high + 0.5
            return min(max(round(low * (high / low) ** share), distribution.low), distribution.high)
        case IntDistribution():
            count = (distribution.high - distribution.low) // distribution.step + 1
            return distribution.low + int(share * count) * distribution.step
    raise TypeError(f"a float, int or categorical distribution was expected, but got {distribution!r}")

"""Predict which settings have a network over its limits, from the networks of earlier trials.

TPE models each dimension by itself: it proposes many units with many layers again and again, as each is fine with few
of the other.  The cost of a network is nearly a product over its keywords, so its logarithm is fitted by a linear
model, and what that predicts to be over a limit is drawn again: 6 instead of 21 % of the later trials were over it
(benchmarks/README.md, Limits).

What is drawn again is never built, so a wrong prediction would stay.  It must be over the limit by more than the
predictions are usually wrong: the root mean square of the leave-one-out errors (Allen 1974, Technometrics 16:125),
which is large if the cost is no such product.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tuner.search.distributions import labels
from tuner.space import Categorical, Dimension, Float, Int, Space

MODEL_PREFIX = "model."
"""Of the dimensions that are keywords of the model's function: the network depends on these alone."""
_MIN_NETWORKS = 10
"""Fewer different networks say too little for a prediction."""
_MAX_NETWORKS = 1_000
_RIDGE = 1e-3


class NetworkCostModel:
    """A linear model of how far the network of a setting is over its limits.

    Args:
        space: The space.

    Attributes:
        names: The searched dimensions that the network depends on.
    """

    def __init__(self, space: Space) -> None:
        self._dimensions = [dimension for dimension in space.searched if dimension.name.startswith(MODEL_PREFIX)]
        self.names = [dimension.name for dimension in self._dimensions]
        self._violations: dict[tuple[Any, ...], float] = {}
        self._fitted: tuple[np.ndarray, float] | None = None

    def add(self, params: Mapping[str, Any], violation: float) -> None:
        """Add the network of a trial; of several with the same keywords the least violation counts.

        They differ in their times, by noise and by dimensions that are no keywords, as the activation.

        Args:
            params: Parameters of the trial, as Optuna has them.
            violation: See `NetworkLimits.violation`.
        """
        network = self._network(params)
        known = self._violations.get(network, math.inf)
        if violation < known and (math.isfinite(known) or len(self._violations) < _MAX_NETWORKS):
            self._violations[network], self._fitted = violation, None

    def exceeds(self, params: Mapping[str, Any]) -> bool:
        """Return whether the network of a setting is known or predicted to be over a limit."""
        network = self._network(params)
        if network in self._violations:
            return self._violations[network] > 0
        if len(self._violations) < _MIN_NETWORKS or all(violation <= 0 for violation in self._violations.values()):
            return False
        self._fitted = self._fitted or self._fit()
        coefficients, error = self._fitted
        return float(self._features(network) @ coefficients) > error

    def _fit(self) -> tuple[np.ndarray, float]:
        """Return the coefficients, and the root mean square of the leave-one-out errors."""
        features = np.array([self._features(network) for network in self._violations])
        violations = np.array(list(self._violations.values()))
        gram = features.T @ features + _RIDGE * np.eye(features.shape[1])
        weights = np.linalg.solve(gram, features.T)
        coefficients: np.ndarray = weights @ violations
        leverages = np.einsum("nf,fn->n", features, weights)  # below 1, as the ridge is positive
        errors = (violations - features @ coefficients) / (1.0 - leverages)
        return coefficients, float(np.sqrt(np.mean(np.square(errors))))

    def _network(self, params: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(params.get(name) for name in self.names)

    def _features(self, network: tuple[Any, ...]) -> np.ndarray:
        parts = [_encode(dimension, param) for dimension, param in zip(self._dimensions, network, strict=True)]
        return np.array([1.0, *(number for part in parts for number in part)])


def _encode(dimension: Dimension, param: Any) -> list[float]:
    """Encode a parameter: one number for each choice, the logarithm of a positive number; None is an inactive one."""
    parameter = dimension.parameter
    if isinstance(parameter, Float | Int):
        if param is None:
            return [1.0, 0.0]
        return [0.0, math.log(param) if parameter.low > 0 else float(param)]
    assert isinstance(parameter, Categorical)
    known = [1.0 if label == param and type(label) is type(param) else 0.0 for label in labels(parameter.choices)]
    return [float(param is None), *known]

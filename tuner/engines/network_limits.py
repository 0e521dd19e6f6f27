"""Limits of what a network may cost: one that is larger is not trained."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tuner.engines.network_size import BYTES_PER_WEIGHT, NetworkSize
from tuner.errors import ContentError


class NetworkLimitError(Exception):
    """A network costs more than its limits allow; it ends a trial, and never reaches the user as an error.

    Attributes:
        reason: Which limit, and by what, in words.
        violation: The natural logarithm of cost / limit; the largest if several are exceeded.
    """

    def __init__(self, reason: str, violation: float) -> None:
        super().__init__(reason)
        self.reason, self.violation = reason, violation


@dataclass(frozen=True)
class NetworkLimits:
    """Limits of what the network of a trial may cost; None for no limit.

    Attributes:
        weights: Number of its weights, those that are not trained included.
        multiply_adds: That answer one row (`count_multiply_adds`).
        bytes: Of its weights as float32.
    """

    weights: int | None = None
    multiply_adds: int | None = None
    bytes: int | None = None

    @property
    def given(self) -> dict[str, float]:
        """The limits that there are, by name."""
        return {name: limit for name, limit in vars(self).items() if limit is not None}

    def check(self, size: NetworkSize) -> None:
        """Check a network that is built.

        Raises:
            NetworkLimitError: It costs more.
            ContentError: Its multiply-adds are limited, but cannot be counted.
        """
        if self.multiply_adds is not None and size.multiply_adds is None:
            raise ContentError(
                "[limits] multiply_adds needs a model whose multiply-adds can be counted, but this one is no graph of "
                "layers, or a size of a shape is open. Build it as keras.Model(inputs, outputs), or limit the weights."
            )
        violations = list(self._violations(size))
        if violations:
            violation, reason = max(violations)
            raise NetworkLimitError(reason, violation)

    def violation(self, size: NetworkSize) -> float | None:
        """Return the largest logarithm of cost / limit, at most 0 for a network within all limits; None without any."""
        return max((math.log(max(cost, 1) / limit) for cost, limit, _ in self._costs(size)), default=None)

    def _violations(self, size: NetworkSize) -> Iterator[tuple[float, str]]:
        for cost, limit, unit in self._costs(size):
            if cost > limit:
                yield math.log(cost / limit), f"{cost:,} {unit}, more than the limit of {limit:,}"

    def _costs(self, size: NetworkSize) -> Iterator[tuple[int, int, str]]:
        """Yield cost, limit and unit of what is limited."""
        costs = (
            (size.weights, self.weights, "weights"),
            (size.multiply_adds, self.multiply_adds, "multiply-adds"),
            (BYTES_PER_WEIGHT * size.weights, self.bytes, "bytes"),
        )
        for cost, limit, unit in costs:
            if cost is not None and limit is not None:
                yield cost, limit, unit


NO_NETWORK_LIMITS = NetworkLimits()

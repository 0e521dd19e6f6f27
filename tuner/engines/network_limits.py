"""Limits of what a network may cost: one that is larger is not trained."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tuner.engines.network_size import BYTES_PER_WEIGHT, NetworkSize
from tuner.engines.predict_times import PredictTimes
from tuner.errors import ContentError

_UNITS = {
    "weights": "weights",
    "multiply_adds": "multiply-adds",
    "bytes": "bytes",
    "predict_ms": "ms to predict one row",
}


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
        predict_ms: Median time to answer one row (`PredictTimes`), in milliseconds.
    """

    weights: int | None = None
    multiply_adds: int | None = None
    bytes: int | None = None
    predict_ms: float | None = None

    @property
    def given(self) -> dict[str, float]:
        """The limits that there are, by name."""
        return {name: limit for name, limit in vars(self).items() if limit is not None}

    @property
    def limit_size(self) -> bool:
        """Whether the size of a network is limited."""
        return any(limit is not None for limit in (self.weights, self.multiply_adds, self.bytes))

    def check(self, size: NetworkSize) -> None:
        """Check the size of a network that is built.

        Raises:
            NetworkLimitError: It is larger.
            ContentError: Its multiply-adds are limited, but cannot be counted.
        """
        if self.multiply_adds is not None and size.multiply_adds is None:
            raise ContentError(
                "[limits] multiply_adds needs a model whose multiply-adds can be counted, but this one is not a graph "
                "of layers, or a dimension of a shape is unknown. Build it as keras.Model(inputs, outputs), "
                "or limit the weights."
            )
        self._raise_if_over(size, None)

    def check_time(self, times: PredictTimes) -> None:
        """Check the time that a network takes to answer.

        Raises:
            NetworkLimitError: It takes longer.
        """
        self._raise_if_over(None, times)

    def violation(self, size: NetworkSize, times: PredictTimes | None = None) -> float | None:
        """Return the largest logarithm of cost / limit, at most 0 for a network within all limits; None without any."""
        return max((one.violation for one in self._costs(size, times)), default=None)

    def reason(self, size: NetworkSize | None, times: PredictTimes | None = None) -> str | None:
        """Name the limit that is exceeded most, and by what; None if none is."""
        worst = self._worst(size, times)
        return None if worst is None else worst.reason

    def _raise_if_over(self, size: NetworkSize | None, times: PredictTimes | None) -> None:
        worst = self._worst(size, times)
        if worst is not None:
            raise NetworkLimitError(worst.reason, worst.violation)

    def _worst(self, size: NetworkSize | None, times: PredictTimes | None) -> _Cost | None:
        """Return the cost that exceeds its limit most; None if none does."""
        over = (one for one in self._costs(size, times) if one.cost > one.limit)
        return max(over, key=lambda one: one.violation, default=None)

    def _costs(self, size: NetworkSize | None, times: PredictTimes | None) -> Iterator[_Cost]:
        """Yield what is limited and known."""
        costs = (
            ("weights", None if size is None else size.weights),
            ("multiply_adds", None if size is None else size.multiply_adds),
            ("bytes", None if size is None else BYTES_PER_WEIGHT * size.weights),
            ("predict_ms", None if times is None else times.one_row_ms),
        )
        for name, cost in costs:
            limit = getattr(self, name)
            if cost is not None and limit is not None:
                yield _Cost(cost, limit, _UNITS[name])


@dataclass(frozen=True)
class _Cost:
    """A cost of a network, and its limit."""

    cost: float
    limit: float
    unit: str

    @property
    def violation(self) -> float:
        return math.log(max(self.cost, 1e-9) / self.limit)

    @property
    def reason(self) -> str:
        return f"{_written(self.cost)} {self.unit}, more than the limit of {_written(self.limit)}"


def limits_text(limits: Mapping[str, float]) -> str:
    """Name limits, as in "at most 50,000 weights, 200,000 bytes"."""
    return f"at most {', '.join(f'{_written(limit)} {_UNITS[name]}' for name, limit in limits.items())}"


def _written(cost: float) -> str:
    return f"{cost:,}" if isinstance(cost, int) else f"{cost:.3g}"


NO_NETWORK_LIMITS = NetworkLimits()

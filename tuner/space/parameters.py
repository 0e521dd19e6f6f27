"""The parameters of dimensions: a range of numbers, a choice, or a fixed value.

Parameters are plain values: they hold no state, draw nothing, and know nothing of Optuna.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

Scalar: TypeAlias = None | bool | int | float | str
Value: TypeAlias = Scalar | tuple["Value", ...]
"""A value of a parameter: a scalar, or a tuple of them (for example the widths of the layers)."""


def value_to_json(value: Value) -> Any:
    """Return a value as JSON: tuples become lists."""
    return [value_to_json(item) for item in value] if isinstance(value, tuple) else value


def value_from_json(content: Any) -> Value:
    """Return the value of `value_to_json`: lists become tuples, in tuples too."""
    return tuple(value_from_json(item) for item in content) if isinstance(content, list | tuple) else content


@dataclass(frozen=True)
class Float:
    """A real number in `[low, high]`.

    Args:
        low: Smallest value.
        high: Largest value.
        log: Search on a logarithmic scale; needs `low > 0` and no `step`.
        step: Distance between values, counted from `low`; None for all of them.

    Raises:
        ValueError: The rule that is broken, with the values.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, self.log, self.step)

    def __contains__(self, value: object) -> bool:
        return is_finite_number(value) and self.low <= value <= self.high  # type: ignore[operator]

    @property
    def size(self) -> float:
        """Number of values; `inf` without a step."""
        if self.low == self.high:
            return 1
        return math.inf if self.step is None else math.floor((self.high - self.low) / self.step + 1e-9) + 1

    def index(self, value: object) -> int | None:
        """Return the position of a value, from 0, or None if it is not in the range, which must be finite."""
        if value not in self:
            return None
        exact = (value - self.low) / self.step if self.step is not None else 0.0  # type: ignore[operator]
        index = round(exact)
        return index if abs(exact - index) < 1e-6 and index < self.size else None

    def at(self, index: int) -> float:
        """Return the value at a position of a finite range."""
        return self.low if self.step is None else self.low + self.step * index

    def __str__(self) -> str:
        return _range_text(self.low, self.high, self.log, self.step)


@dataclass(frozen=True)
class Int:
    """A whole number in `[low, high]`; the arguments are those of `Float`."""

    low: int
    high: int
    log: bool = False
    step: int = 1

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, self.log, self.step if self.step != 1 else None)
        if self.step < 1:
            raise ValueError(f"`step >= 1` must hold, but got step={self.step}")

    def __contains__(self, value: object) -> bool:
        return is_finite_number(value) and value == int(value) and self.low <= value <= self.high  # type: ignore[operator,call-overload]

    @property
    def size(self) -> float:
        """Number of values."""
        return (self.high - self.low) // self.step + 1

    def index(self, value: object) -> int | None:
        """Return the position of a value, from 0, or None if it is not in the range."""
        if value not in self:
            return None
        index, rest = divmod(int(value) - self.low, self.step)  # type: ignore[call-overload]
        return index if rest == 0 else None

    def at(self, index: int) -> int:
        """Return the value at a position."""
        return self.low + self.step * index

    def __str__(self) -> str:
        return _range_text(self.low, self.high, self.log, None if self.step == 1 else self.step)


@dataclass(frozen=True)
class Categorical:
    """One of `choices`, which have no order.

    Raises:
        ValueError: There is no choice, or one occurs twice.
    """

    choices: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not self.choices:
            raise ValueError("a choice needs at least one value, but got an empty list")
        seen = [(type(choice), choice) for choice in self.choices]
        for index, choice in enumerate(seen):
            if choice in seen[:index]:
                raise ValueError(f"the values of a choice must differ, but got {choice[1]!r} twice")

    def __contains__(self, value: object) -> bool:
        return any(type(value) is type(choice) and value == choice for choice in self.choices)

    @property
    def size(self) -> float:
        """Number of values."""
        return len(self.choices)

    def index(self, value: object) -> int | None:
        """Return the position of a value, from 0, or None if it is not in the range."""
        same = (i for i, choice in enumerate(self.choices) if type(value) is type(choice) and value == choice)
        return next(same, None)

    def at(self, index: int) -> Value:
        """Return the value at a position."""
        return self.choices[index]

    def __str__(self) -> str:
        return " | ".join(str(choice) for choice in self.choices)


@dataclass(frozen=True)
class Fixed:
    """One value: nothing is searched."""

    value: Value

    def __contains__(self, value: object) -> bool:
        return value == self.value

    @property
    def size(self) -> float:
        """One."""
        return 1

    def index(self, value: object) -> int | None:
        """0 for the value, None for every other one."""
        return 0 if value in self else None

    def at(self, index: int) -> Value:
        """Return the value."""
        return self.value

    def __str__(self) -> str:
        return str(self.value)


Parameter: TypeAlias = Float | Int | Categorical | Fixed


def is_finite_number(value: object) -> bool:
    """Check that `value` is a number that a float can hold; booleans, NaN and infinities are not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the largest float
        return False


def _check_range(low: float, high: float, log: bool, step: float | None) -> None:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"`low` and `high` must be finite numbers, but got low={low}, high={high}")
    if low > high:
        raise ValueError(f"`low <= high` must hold, but got low={low}, high={high}")
    if log and low <= 0:
        raise ValueError(f"`low > 0` must hold on a logarithmic scale, but got low={low}, log=true")
    if log and step is not None:
        raise ValueError(f"`log` and `step` exclude each other, but got log=true, step={step}")
    if step is not None and not (math.isfinite(step) and step > 0):
        raise ValueError(f"`step > 0` must hold, but got step={step}")


def _range_text(low: float, high: float, log: bool, step: float | None) -> str:
    text = f"{low:g} … {high:g}"
    return f"{text} (log)" if log else text if step is None else f"{text} (step {step:g})"

"""The space as a whole: named dimensions, each after those it depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tuner.space.enumeration import Enumeration
from tuner.space.parameters import Categorical, Fixed, Float, Int, Parameter, Value


@dataclass(frozen=True)
class Condition:
    """A condition: the dimension `name` is active and has one of the values `one_of`."""

    name: str
    one_of: tuple[Value, ...]

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Return whether the condition holds under the values of the active dimensions."""
        return self.name in values and values[self.name] in self.one_of


@dataclass(frozen=True)
class Dimension:
    """One named parameter and the conditions (all of them) under which it counts.

    Names are dotted study-file terms: `learning_rate`, `model.units`, `optimizer.sgd.nesterov`.
    """

    name: str
    parameter: Parameter
    conditions: tuple[Condition, ...] = ()

    def is_active(self, values: Mapping[str, Value]) -> bool:
        """Return whether this dimension counts, given the values of the active ones before it."""
        return all(condition.holds(values) for condition in self.conditions)

    @property
    def is_searched(self) -> bool:
        """True if there is more than one value."""
        return self.parameter.size > 1


class Space:
    """An ordered set of dimensions.

    Raises:
        ValueError: A name occurs twice, or a condition names a dimension that does not come before.
    """

    def __init__(self, dimensions: Iterable[Dimension]) -> None:
        self._dimensions: dict[str, Dimension] = {}
        for dimension in dimensions:
            if dimension.name in self._dimensions:
                raise ValueError(f"the dimension {dimension.name!r} occurs in the space twice")
            for condition in dimension.conditions:
                if condition.name not in self._dimensions:
                    raise ValueError(f"{dimension.name!r} depends on {condition.name!r}, which does not come before it")
            self._dimensions[dimension.name] = dimension
        self._enumeration: Enumeration | None = None

    def __iter__(self) -> Iterator[Dimension]:
        return iter(self._dimensions.values())

    def __len__(self) -> int:
        return len(self._dimensions)

    def __contains__(self, name: object) -> bool:
        return name in self._dimensions

    def __getitem__(self, name: str) -> Dimension:
        return self._dimensions[name]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    @property
    def searched(self) -> tuple[Dimension, ...]:
        """The dimensions with more than one value."""
        return tuple(dimension for dimension in self if dimension.is_searched)

    def resolve(self, choose: Callable[[Dimension], Value]) -> dict[str, Value]:
        """Walk through the space once: `choose` is asked for each searched dimension that is active.

        Returns:
            The value of every active dimension, the fixed ones included; inactive ones are absent.
        """
        values: dict[str, Value] = {}
        for dimension in self:
            if not dimension.is_active(values):
                continue
            parameter = dimension.parameter
            if not dimension.is_searched:
                values[dimension.name] = _only_value(parameter)
            else:
                values[dimension.name] = choose(dimension)
        return values

    @property
    def enumeration(self) -> Enumeration:
        """The numbers of its settings."""
        if self._enumeration is None:
            self._enumeration = Enumeration(self)
        return self._enumeration

    @property
    def size(self) -> float:
        """Number of settings; `inf` for a continuous space."""
        return self.enumeration.size

    def enumerate_grid(self) -> Iterator[dict[str, Value]]:
        """Every setting of a finite space, in the order of the dimensions; conditions hold.

        Raises:
            ValueError: A dimension is continuous.
        """
        dimensions = list(self)

        def walk(index: int, values: dict[str, Value]) -> Iterator[dict[str, Value]]:
            if index == len(dimensions):
                yield dict(values)
                return
            dimension = dimensions[index]
            if not dimension.is_active(values):
                yield from walk(index + 1, values)
                return
            for value in _values(dimension):
                yield from walk(index + 1, {**values, dimension.name: value})

        return walk(0, {})

    def to_json(self) -> list[dict[str, Any]]:
        """Convert to plain JSON, for the fingerprint and for comparisons."""
        return [
            {
                "name": dimension.name,
                **_parameter_json(dimension.parameter),
                **({"when": {c.name: list(c.one_of) for c in dimension.conditions}} if dimension.conditions else {}),
            }
            for dimension in self
        ]


def _only_value(parameter: Parameter) -> Value:
    match parameter:
        case Fixed(value):
            return value
        case Categorical(choices):
            return choices[0]
        case Float(low) | Int(low):
            return low


def _values(dimension: Dimension) -> Iterable[Value]:
    match dimension.parameter:
        case Fixed(value):
            return (value,)
        case Categorical(choices):
            return choices
        case Int(low, high, _, step):
            return range(low, high + 1, step)
        case Float(low, high, _, step):
            if low == high:
                return (low,)
            if step is None:
                raise ValueError(f"the dimension {dimension.name!r} is continuous: {dimension.parameter}")
            return tuple(low + step * index for index in range(int(dimension.parameter.size)))


def _parameter_json(parameter: Parameter) -> dict[str, Any]:
    match parameter:
        case Fixed(value):
            return {"fixed": value}
        case Categorical(choices):
            return {"choices": list(choices)}
        case Float(low, high, log, step):
            kind = "float"
        case Int(low, high, log, step):
            kind = "int"
    return {kind: [low, high]} | ({"log": True} if log else {}) | ({"step": step} if step not in (None, 1) else {})

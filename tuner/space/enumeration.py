"""Number the settings of a finite space: count them, and map settings to numbers and back.

Nothing is listed.  Going through the dimensions in their order, all that the rest depends on is which conditions hold
so far; so the settings are counted from the last dimension back to the first, once for each set of conditions that can
hold there.  A space of 10^12 settings takes as long as one of twelve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from tuner.space.parameters import Value

if TYPE_CHECKING:
    from tuner.space.space import Condition, Dimension

MAX_STATES = 10_000
"""Most sets of conditions that are distinguished at one dimension; a space with more counts as endless."""

_State: TypeAlias = "frozenset[Condition]"
_NOTHING: _State = frozenset()


class Enumeration:
    """The numbers of the settings of a space.

    Args:
        dimensions: Those of a space, in its order.

    Attributes:
        size: How many settings there are; `inf` if a dimension that can be active is continuous.
    """

    def __init__(self, dimensions: Iterable[Dimension]) -> None:
        self._dimensions = tuple(dimensions)
        self._needed = _needed(self._dimensions)
        self._gates = [
            _gate(dimension, needed) for dimension, needed in zip(self._dimensions, self._needed[1:], strict=True)
        ]
        self._counts = self._count()
        self.size: float = self._counts[0][_NOTHING] if self._counts else math.inf

    def number(self, values: Mapping[str, Value]) -> int | None:
        """Return the number of a setting, from 0, or None if it is not in the space.

        Args:
            values: The value of each active dimension; those with a single value may be missing.
        """

        def position(dimension: Dimension) -> int | None:
            if not dimension.is_searched:
                return 0
            return dimension.parameter.index(values[dimension.name]) if dimension.name in values else None

        return self.number_at(position)

    def number_at(self, position: Callable[[Dimension], int | None]) -> int | None:
        """Return the number of the setting whose values have these positions in their dimensions.

        Args:
            position: Called for each active dimension in turn; None if its value is not one of the space.
        """
        state, number = _NOTHING, 0
        for level, dimension in enumerate(self._dimensions):
            if state.issuperset(dimension.conditions):
                index = position(dimension)
                if index is None:
                    return None
                before, state = self._before(level, state, index)
                number += before
            else:
                state &= self._needed[level + 1]
        return number

    def setting(self, number: int) -> dict[str, Value]:
        """Return the setting of a number: the value of each active dimension.

        Args:
            number: In `[0, size)`.
        """
        state, values = _NOTHING, {}
        for level, dimension in enumerate(self._dimensions):
            if state.issuperset(dimension.conditions):
                index = self._index(level, state, number)
                values[dimension.name] = dimension.parameter.at(index)
                before, state = self._before(level, state, index)
                number -= before
            else:
                state &= self._needed[level + 1]
        return values

    def _before(self, level: int, state: _State, index: int) -> tuple[int, _State]:
        """Count the settings before those with this value, and return the conditions that hold after it.

        The values that a condition names come first.
        """
        gate, counts, rest = self._gates[level], self._counts[level + 1], state & self._needed[level + 1]
        before, smaller = 0, 0
        for named, holds in gate.items():
            if named == index:
                return before, rest | holds
            before += int(counts[rest | holds])
            smaller += named < index
        return before + (index - smaller) * int(counts[rest]), rest

    def _index(self, level: int, state: _State, number: int) -> int:
        """Return the position of the value in the setting of a number, counted within this state."""
        gate, counts, rest = self._gates[level], self._counts[level + 1], state & self._needed[level + 1]
        for named, holds in gate.items():
            if number < counts[rest | holds]:
                return named
            number -= int(counts[rest | holds])
        index = number // int(counts[rest])
        for named in gate:  # ascending
            index += named <= index
        return index

    def _count(self) -> list[dict[_State, float]]:
        """Count the settings of the dimensions from each one on, by what holds before it; [] if states are too many."""
        levels: list[set[_State]] = [{_NOTHING}]
        for level, dimension in enumerate(self._dimensions):
            after = set()
            for state in levels[-1]:
                rest = state & self._needed[level + 1]
                after.add(rest)
                if state.issuperset(dimension.conditions):
                    after |= {rest | holds for holds in self._gates[level].values()}
            if len(after) > MAX_STATES:
                return []
            levels.append(after)
        counts: list[dict[_State, float]] = [{} for _ in self._dimensions] + [dict.fromkeys(levels[-1], 1)]
        for level in reversed(range(len(self._dimensions))):
            dimension, gate, after_counts = self._dimensions[level], self._gates[level], counts[level + 1]
            for state in levels[level]:
                rest = state & self._needed[level + 1]
                if not state.issuperset(dimension.conditions):
                    counts[level][state] = after_counts[rest]
                    continue
                parts: list[tuple[float, float]] = [(1, after_counts[rest | holds]) for holds in gate.values()]
                parts.append((dimension.parameter.size - len(gate), after_counts[rest]))
                endless = any(math.inf in part for part in parts if part[0])
                counts[level][state] = (
                    math.inf if endless else sum(int(many) * int(each) for many, each in parts if many)
                )
        return counts


def _needed(dimensions: tuple[Dimension, ...]) -> list[_State]:
    """Collect the conditions of each dimension and of those after it."""
    needed = [_NOTHING]
    for dimension in reversed(dimensions):
        needed.append(needed[-1] | frozenset(dimension.conditions))
    return needed[::-1]


def _gate(dimension: Dimension, needed: _State) -> dict[int, _State]:
    """Map the position of each value that a later condition names to the conditions that it meets, ascending."""
    conditions = [condition for condition in needed if condition.name == dimension.name]
    parameter = dimension.parameter
    if math.isinf(parameter.size):
        return {}
    found = {index for c in conditions for value in c.one_of if (index := parameter.index(value)) is not None}
    return {
        index: frozenset(c for c in conditions if c.holds({dimension.name: parameter.at(index)}))
        for index in sorted(found)
    }

"""The volume of a narrower space: the share of the old one's settings that it still holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache

from tuner.analysis.refinement.narrowed_parameter import Narrowed
from tuner.space import Categorical, Dimension, Fixed, Float, Int, Parameter, Space, Value


def remaining_volume(space: Space, narrowed: Mapping[str, Narrowed]) -> float:
    """Compute the probability that a setting of the old space, drawn evenly, is in the new one.

    Without conditions that is the product of what is left of each dimension: of a choice the values, of a range the
    length, on its scale.  With conditions it is the mean of these products over the choices.

    Args:
        space: The old space.
        narrowed: What each of its searched dimensions became.
    """
    dimensions = list(space)
    split = {one.choice for one in narrowed.values() if one.choice is not None}
    gates = split | {condition.name for dimension in dimensions for condition in dimension.conditions}
    needed = _needed(dimensions, narrowed)

    @cache
    def volume(level: int, known: frozenset[tuple[str, Value]]) -> float:
        """Compute the volume of the dimensions from one on, given the choices that decide about them."""
        if level == len(dimensions):
            return 1.0
        dimension, values = dimensions[level], dict(known)

        def rest(chosen: Mapping[str, Value]) -> float:
            return volume(level + 1, frozenset(item for item in chosen.items() if item[0] in needed[level + 1]))

        if not dimension.is_active(values):
            return rest(values)
        if not dimension.is_searched:
            return rest({**values, dimension.name: dimension.parameter.at(0)})
        one = narrowed[dimension.name]
        parameter = one.by_choice.get(str(values.get(one.choice or "")), one.parameter)
        if dimension.name in gates and isinstance(dimension.parameter, Categorical):
            kept = [choice for choice in dimension.parameter.choices if choice in parameter]
            return sum(rest({**values, dimension.name: choice}) for choice in kept) / len(dimension.parameter.choices)
        return remaining_share(dimension.parameter, parameter) * rest(values)

    return volume(0, frozenset())


def remaining_share(old: Parameter, new: Parameter) -> float:
    """Compute the share of a parameter that is left: of the values of a choice, or of the length of a range."""
    match old, new:
        case ((Float() | Int()), (Float() | Int())):
            if old.size != math.inf and not old.log:
                return new.size / old.size
            scale = math.log if old.log else float
            return (scale(new.high) - scale(new.low)) / (scale(old.high) - scale(old.low))
        case Categorical() | Fixed(), _:
            return new.size / old.size
    return 1.0


def _needed(dimensions: list[Dimension], narrowed: Mapping[str, Narrowed]) -> list[set[str]]:
    """Collect the choices that decide about each dimension or a later one."""
    needed: list[set[str]] = [set()]
    for dimension in reversed(dimensions):
        one = narrowed.get(dimension.name)
        own = {one.choice} if one is not None and one.choice is not None else set()
        needed.append(needed[-1] | {condition.name for condition in dimension.conditions} | own)
    return needed[::-1]

"""Projection of known values on a space: what it has and allows is kept, the rest is left to the sampler."""

from __future__ import annotations

from collections.abc import Mapping

from tuner.catalog import DIMENSIONS, ChoiceDimension
from tuner.space import Categorical, Dimension, Fixed, Float, Int, Space, Value


def project(space: Space, known: Mapping[str, Value], *, clip: bool = False) -> dict[str, Value]:
    """Keep the known values that the space allows, of the dimensions that are active under them.

    Args:
        space: The space.
        known: Values by dimension.  A number that a choice has of its own (`optimizer.sgd.learning_rate`) is the shared
            one, if it is not given itself.
        clip: Whether a number out of its range becomes the nearest end, instead of being dropped.

    Returns:
        Values by dimension, those with a single value included; numbers are on the steps of their ranges.
    """
    values: dict[str, Value] = {}
    for dimension in space:
        if not dimension.active(values):
            continue
        if not dimension.searched:
            values[dimension.name] = dimension.parameter.at(0)
            continue
        name = dimension.name if dimension.name in known else shared_name(dimension.name)
        value = known.get(name) if name is not None else None
        if clip and name in known:
            value = _clipped(dimension, value)
        if name in known and value in dimension.parameter:
            values[dimension.name] = _on_grid(dimension, value)
    return values


def shared_name(name: str) -> str | None:
    """Return the dimension in whose place a choice has this one: `learning_rate` of `optimizer.sgd.learning_rate`."""
    family, _, rest = name.partition(".")
    option = rest.rpartition(".")[2]
    if family not in DIMENSIONS:
        return None
    choice = DIMENSIONS[family]
    return option if isinstance(choice, ChoiceDimension) and option in choice.own else None


def _clipped(dimension: Dimension, value: Value) -> Value:
    parameter = dimension.parameter
    if isinstance(parameter, Categorical | Fixed) or isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(parameter, Int):
        value = round(value)
    return min(max(value, parameter.low), parameter.high)


def _on_grid(dimension: Dimension, value: Value) -> Value:
    parameter = dimension.parameter
    if not isinstance(parameter, Float | Int) or parameter.step is None or not isinstance(value, int | float):
        return value
    index = min(round((value - parameter.low) / parameter.step), int(parameter.size) - 1)
    return parameter.at(index)

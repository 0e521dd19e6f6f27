"""Projection of known values on a space: what it has and allows is kept, the rest is left to the sampler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tuner.catalog import DIMENSIONS, ChoiceDimension, NumberDimension
from tuner.search.distributions import searched_params
from tuner.search.stored_trial import StoredTrial
from tuner.space import Categorical, Dimension, Fixed, Float, Int, Space, Value, value_from_json


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
        if not dimension.is_active(values):
            continue
        if not dimension.is_searched:
            values[dimension.name] = dimension.parameter.at(0)
            continue
        name = dimension.name if dimension.name in known else shared_name(dimension.name)
        value = known.get(name) if name is not None else None
        if clip and name in known:
            value = _clipped(dimension, value)
        if name in known and value in dimension.parameter:
            values[dimension.name] = _on_grid(dimension, value)
    return values


def known_values(recipe: Mapping[str, Any], trial: StoredTrial) -> dict[str, Value]:
    """Return the value of each dimension in the recipe of a trial, whatever space it was drawn from.

    Args:
        recipe: As JSON; empty for a trial of plain Optuna, whose parameters are all that is known.
        trial: The trial.
    """
    found = {name: value_from_json(value) for name, value in searched_params(trial).items()}
    for name, row in DIMENSIONS.items():
        value = recipe.get(name)
        if isinstance(row, NumberDimension):
            found |= {name: value} if row.in_recipe and isinstance(value, int | float) else {}
            continue
        chosen = value.get("name") if isinstance(value, Mapping) else value
        options = value.get("options") if isinstance(value, Mapping) else None
        found |= {name: chosen} if isinstance(chosen, str) else {}
        for option, given in options.items() if isinstance(options, Mapping) else ():
            found[f"{name}.{chosen}.{option}"] = value_from_json(given)
    model = recipe.get("model")
    options = model.get("options") if isinstance(model, Mapping) else None
    for option, given in options.items() if isinstance(options, Mapping) else ():
        of_model = option in DIMENSIONS and DIMENSIONS[option].of_model
        found[option if of_model else f"model.{option}"] = value_from_json(given)
    return found


def shared_name(name: str) -> str | None:
    """Return the dimension in whose place a choice has this one: `learning_rate` of `optimizer.sgd.learning_rate`."""
    family, _, rest = name.partition(".")
    option = rest.rpartition(".")[2]
    choice = DIMENSIONS.get(family)
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

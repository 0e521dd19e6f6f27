"""Read `[sampler] initial_points`, values of some dimensions of the space, and check `[sampler] from`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tuner.catalog import DIMENSIONS, number_words
from tuner.errors import nearest
from tuner.search import shared_name
from tuner.space import Categorical, Condition, Dimension, Space, Value, value_from_json
from tuner.study.allowed_value import INVALID, AllowedValue, Invalid, bare, checked
from tuner.study.problems import Problems, dotted, dotted_items, listed

_KEY = "sampler.initial_points"


def read_points(points: Sequence[Mapping[str, Any]], space: Space, problems: Problems) -> tuple[dict[str, Value], ...]:
    """Read the settings, each as values by dimension; what one leaves out is the sampler's.

    Keys are those of `[search]`, nested or dotted: `model.units`, `optimizer_options.sgd.nesterov`.  A number that each
    optimizer has of its own may be given by its shared name.

    Args:
        points: As the study file has them.
        space: The space.
        problems: Collects the problems.
    """
    read = [_Reader(f"{_KEY}[{index}]", space, problems).read(point) for index, point in enumerate(points)]
    return tuple(point for point in read if point)


def check_older(older: Sequence[str], name: str | None, problems: Problems) -> None:
    """Check that a study does not name itself among the older ones that it takes settings from."""
    if name in older:
        problems.add(
            "sampler.from",
            "a study cannot begin with its own settings",
            list(older),
            next_step=f"Remove {name}, or give this study another name.",
        )


def points_advice(points: Sequence[Mapping[str, Value]], trials: int | None) -> list[str]:
    """Say if a study has fewer trials than settings to begin with."""
    if trials is None or len(points) <= trials:
        return []
    return [f"{_KEY}: {len(points)} settings, but [budget] trials = {trials}: the last ones are not trained"]


class _Reader:
    """Reads one setting."""

    def __init__(self, key: str, space: Space, problems: Problems) -> None:
        self._key, self._space, self._problems = key, space, problems

    def read(self, point: Mapping[str, Any]) -> dict[str, Value]:
        """Return the values by dimension; problems are noted."""
        given = self._given(point)
        values: dict[str, Value] = {}
        fixed: dict[str, Value] = {}  # what a space has only one value of decides conditions, too
        taken: set[str] = set()
        refused: set[str] = set()
        inactive: dict[str, Condition] = {}
        for dimension in self._space:
            name = dimension.name if dimension.name in given else shared_name(dimension.name)
            failed = next((c for c in dimension.conditions if self._fails(c, {**fixed, **values}, inactive)), None)
            if failed is not None:
                inactive[dimension.name] = failed
                continue
            if name is not None and name in given and name not in refused:
                value = self._value(dimension, name, given[name])
                if isinstance(value, Invalid):
                    refused.add(name)
                elif dimension.is_searched:
                    values[dimension.name] = value
                taken.add(name)
            if not dimension.is_searched:
                fixed[dimension.name] = dimension.parameter.at(0)
        for name in given:
            if name not in taken:
                self._refuse(name, given[name], inactive.get(name))
        return values

    def _given(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values by the names of dimensions, in which options are not in a section of their own."""
        given: dict[str, Any] = {}
        for key, value in dotted_items(point):
            family, _, rest = key.partition("_options.")
            name = f"{family}.{rest}" if rest and family in DIMENSIONS else key
            if name in given:
                self._problems.add(
                    dotted(self._key, key), f"{name} is given twice", value, next_step="Remove one of the two."
                )
            given[name] = value
        return given

    def _fails(self, condition: Condition, values: Mapping[str, Value], inactive: Mapping[str, Condition]) -> bool:
        """Return whether a condition cannot hold; what the setting leaves to the sampler may meet it."""
        if condition.name in inactive:
            return True
        return condition.name in values and values[condition.name] not in condition.one_of

    def _value(self, dimension: Dimension, name: str, value: Any) -> Value | Invalid:
        key, parameter, words = dotted(self._key, name), dimension.parameter, number_words(name)
        if isinstance(value, str) and value in words:
            value = words[value]
        if not dimension.is_searched:
            return self._only_value(dimension, key, value)
        if isinstance(parameter, Categorical):
            value = value_from_json(value)
        read = checked(value, AllowedValue(key, parameter, words=words, family=name), key, self._problems)
        if isinstance(read, Invalid) or isinstance(parameter, Categorical) or parameter.size == math.inf:
            return read
        index = parameter.index(read)
        if index is None:
            self._problems.add(
                key,
                "is between two steps of the range",
                value,
                allowed=str(parameter),
                next_step="Choose a step of it.",
            )
            return INVALID
        return parameter.at(index)

    def _only_value(self, dimension: Dimension, key: str, value: Any) -> Value | Invalid:
        """Return the one value of a dimension, or note that the study has no other."""
        only = dimension.parameter.at(0)
        if value_from_json(value) == only:
            return only
        self._problems.add(
            key,
            "the study has only one value of this dimension",
            value,
            allowed=bare(only),
            next_step=f"Search {dimension.name} in [search], or remove it here.",
        )
        return INVALID

    def _refuse(self, name: str, value: Any, failed: Condition | None) -> None:
        """Note a value that no dimension takes: because of the setting's own choice, or as none has its name."""
        key = dotted(self._key, name)
        if failed is not None:
            values = listed(bare(one) for one in failed.one_of)
            self._problems.add(
                key,
                f"has no effect: {name} is active only if {failed.name} is one of {values}",
                value,
                next_step=f"Remove it, or choose another {failed.name}.",
            )
            return
        names = [dimension.name for dimension in self._space.searched]
        near = nearest(name, names)
        self._problems.add(
            key,
            "no dimension of this study has this name",
            value,
            allowed=listed(names),
            near=near,
            next_step=f"Rename it to {near}." if near else "Remove it, or search it in [search].",
        )

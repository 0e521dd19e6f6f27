"""The section `[search]` of a study with narrowed parameters: what depends on a choice that is gone, goes too."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tuner.analysis.refinement.narrowed_parameter import Narrowed
from tuner.catalog import DIMENSIONS, ChoiceDimension, choice_dimension
from tuner.space import (
    Categorical,
    Dimension,
    Fixed,
    Float,
    Int,
    Parameter,
    Space,
    Value,
    value_from_json,
    value_to_json,
)
from tuner.study import dotted_items

_GONE = "left out: it is active only with what was left out"


@dataclass(frozen=True)
class Change:
    """A dimension before and after narrowing.

    Attributes:
        name: The dimension.
        key: Its key in the study file.
        before, after: Its values, as text; `after` is None for a dimension that was removed.
        changed: Whether it was changed.
        searched: Whether it still has more than one value.
        why: One sentence with counts.
    """

    name: str
    key: str
    before: str
    after: str | None
    changed: bool
    searched: bool
    why: str


def narrowed_search(
    search: Mapping[str, Any], space: Space, narrowed: Mapping[str, Narrowed]
) -> tuple[dict[str, Any], list[Change]]:
    """Return the section with narrowed parameters.

    Args:
        search: The section as the study file has it, possibly empty.
        space: The space that it gave.
        narrowed: What each searched dimension became.

    Returns:
        The new section, and what became of each searched dimension.
    """
    new = copy.deepcopy(dict(search))
    left = {name: _values(one.parameter) for name, one in narrowed.items() if isinstance(one.parameter, Categorical)}
    changes = []
    for dimension in space.searched:
        name, one = dimension.name, narrowed[dimension.name]
        table, key = _place(new, name)
        when = _when(table.get(key), left)
        parents = ((parent, values) for parent, values in _parents(space, name) if parent in left)
        if when is None or any(not set(values) & set(left[parent]) for parent, values in parents):
            table.pop(key, None)
            changes.append(Change(name, _key(name), str(dimension.parameter), None, True, False, _GONE))
            continue
        shared = _without_own(when, one)
        if shared is None:
            table.pop(key, None)
        else:
            table[key] = _written(one.parameter, shared)
        changed, searched = one.parameter != dimension.parameter, one.parameter.size > 1
        changes.append(
            Change(name, _key(name), str(dimension.parameter), str(one.parameter), changed, searched, one.why)
        )
        changes += _write_by_choice(new, dimension, one, when)
    _without_unchosen(new, space, left)
    _without_meaning(new, space, left)
    changes = [_as_split(change, narrowed.get(change.name), new) for change in changes]
    return {key: value for key, value in new.items() if value != {}}, changes


def _without_own(when: Mapping[str, Any], one: Narrowed) -> dict[str, Any] | None:
    """Return the condition of a shared number without the rows that have one of their own; None if none is left."""
    if one.choice is None or one.choice not in when:
        return dict(when)
    stated = when[one.choice] if isinstance(when[one.choice], list) else [when[one.choice]]
    rest = [row for row in stated if row not in one.by_choice]
    return {**when, one.choice: rest} if rest else None


def _as_split(change: Change, one: Narrowed | None, search: Mapping[str, Any]) -> Change:
    """Say of a shared number that is gone, as each row has its own, that it is split."""
    if one is None or not one.by_choice or change.after is None or change.name in search:
        return change
    return replace(change, after=f"by {one.choice}", changed=True, searched=False)


def _write_by_choice(
    search: dict[str, Any], dimension: Dimension, one: Narrowed, when: Mapping[str, Any]
) -> Iterator[Change]:
    """Write the ranges that rows of a choice have of their own."""
    condition = {parent: values for parent, values in when.items() if parent != one.choice}
    for row, parameter in one.by_choice.items():
        name = f"{one.choice}.{row}.{dimension.name}"
        table, key = _place(search, name)
        table[key] = _written(parameter, condition)
        yield Change(
            name, _key(name), str(dimension.parameter), str(parameter), True, parameter.size > 1, one.reasons[row]
        )


def _key(name: str) -> str:
    """Return the key of a dimension: `search.optimizer_options.sgd.nesterov` of `optimizer.sgd.nesterov`."""
    family, _, rest = name.partition(".")
    if not rest or family == "model":
        return f"search.{name}"
    return f"search.{family}_options.{rest}"


def _place(search: dict[str, Any], name: str) -> tuple[dict[str, Any], str]:
    """Return the table that holds a dimension, created if missing, and its key in it."""
    family, _, rest = name.partition(".")
    choice, _, option = rest.rpartition(".")  # the name of user code has dots of its own
    path = [] if not rest else [family] if family == "model" else [f"{family}_options", choice]
    last = rest if family == "model" and rest else option or family
    table = search
    for part in path:
        table = table.setdefault(part, {})
    return table, last


def written_point(values: Mapping[str, Value], space: Space) -> dict[str, Any]:
    """Return a setting as `[sampler] initial_points` has it: the searched dimensions, with the keys of `[search]`."""
    point: dict[str, Any] = {}
    for dimension in space.searched:
        if dimension.name in values:
            table, key = _place(point, dimension.name)
            table[key] = value_to_json(values[dimension.name])
    return point


def _values(parameter: Categorical) -> tuple[Value, ...]:
    return parameter.choices


def _parents(space: Space, name: str) -> Iterator[tuple[str, tuple[Value, ...]]]:
    """Yield the conditions under which a dimension counts."""
    for condition in space[name].conditions:
        yield condition.name, condition.one_of


def _when(given: Any, left: Mapping[str, tuple[Value, ...]]) -> dict[str, Any] | None:
    """Return what is left of the stated condition, or None if it can never hold."""
    stated = given.get("when", {}) if isinstance(given, Mapping) else {}
    kept: dict[str, Any] = {}
    for parent, values in dotted_items(stated):
        wanted = [value_from_json(value) for value in (values if isinstance(values, list) else [values])]
        choices = left.get(parent)
        if choices is None:
            kept[parent] = values
            continue
        still = [value for value in wanted if value in choices]
        if not still:
            return None
        if set(still) != set(choices):
            kept[parent] = [value_to_json(value) for value in still]
    return kept


def _written(parameter: Parameter, when: Mapping[str, Any] | None) -> Any:
    """Return the parameter as a study file writes it."""
    condition = {"when": dict(when)} if when else {}
    match parameter:
        case Float(low, high, log, step) | Int(low, high, log, step):
            content: dict[str, Any] = {"low": low, "high": high}
            content |= {"log": True} if log else {}
            content |= {} if step is None or (isinstance(parameter, Int) and step == 1) else {"step": step}
            return {**content, **condition}
        case Fixed(value):
            choices = [value_to_json(value)]
        case Categorical(values):
            choices = [value_to_json(value) for value in values]
    if condition:
        return {"choices": choices, **condition}
    one = choices[0]
    return one if len(choices) == 1 and not isinstance(one, list) and one != "auto" else choices


def _chosen(space: Space, left: Mapping[str, tuple[Value, ...]], name: str) -> list[str]:
    """Return the choices of a dimension that are left."""
    if name in left:
        return [str(value) for value in left[name]]
    parameter = space[name].parameter
    return [str(value) for value in (parameter.choices if isinstance(parameter, Categorical) else (parameter.value,))]  # type: ignore[union-attr]


def _without_unchosen(search: dict[str, Any], space: Space, left: Mapping[str, tuple[Value, ...]]) -> None:
    """Take out the options of choices that are gone."""
    for dimension in DIMENSIONS.values():
        section = search.get(f"{dimension.name}_options")
        if isinstance(dimension, ChoiceDimension) and isinstance(section, dict):
            chosen = _chosen(space, left, dimension.name)
            kept = {row: options for row, options in section.items() if row in chosen and options}
            search[f"{dimension.name}_options"] = kept


def _without_meaning(search: dict[str, Any], space: Space, left: Mapping[str, tuple[Value, ...]]) -> None:
    """Take out what no optimizer or loss that is left takes: a study file may not name it."""
    for dimension in DIMENSIONS.values():
        if isinstance(dimension, ChoiceDimension) or dimension.choice is None:
            continue
        choice = choice_dimension(dimension.choice)
        options = search.get(f"{choice.name}_options", {}) if dimension.name in choice.own else {}
        rows = [row for row in _chosen(space, left, choice.name) if dimension.name not in options.get(row, {})]
        if not any(dimension.taken_by(choice.table[row]) for row in rows):
            search.pop(dimension.name, None)

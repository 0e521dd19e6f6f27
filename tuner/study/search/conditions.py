"""Conditions of `[search]`: what the study file says with `when`, and what follows from the tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tuner.space import Categorical, Condition, Dimension, Parameter, Space, Value
from tuner.study.problems import Problems, dotted, listed
from tuner.study.scalars import is_number


@dataclass(frozen=True)
class UnresolvedDimension:
    """A dimension whose conditions are still as they were written.

    Attributes:
        name: Name of the dimension ("optimizer.sgd.nesterov").
        key: Its key in the study file ("search.optimizer_options.sgd.nesterov").
        parameter: What it may be.
        when: The condition as it was written; None where there is none.
        limits: Parents and the values of theirs under which the dimension means anything (momentum: the
            optimizers that have such a term).
        reasons: Why, for each parent of `limits`.
        section: The parent whose choice this is an option of; `when` may not name it again.
    """

    name: str
    key: str
    parameter: Parameter
    when: Any = None
    limits: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    section: str | None = None


def build_space(drafts: Sequence[UnresolvedDimension], broken: Collection[str], problems: Problems) -> Space | None:
    """The space of the drafts, each dimension behind those it depends on; None after noting what is wrong.

    Args:
        drafts: The dimensions that could be read.
        broken: Names of those that could not: what depends on them is not judged.
        problems: Where to note what is wrong.
    """
    before = len(problems.found)
    by_name = {draft.name: draft for draft in drafts}
    conditions = {draft.name: _conditions(draft, by_name, broken, problems) for draft in drafts}
    order = _ordered(drafts, conditions, problems)
    if broken or order is None or len(problems.found) > before:
        return None
    return Space(Dimension(draft.name, draft.parameter, conditions[draft.name]) for draft in order)


def _conditions(
    draft: UnresolvedDimension, drafts: Mapping[str, UnresolvedDimension], broken: Collection[str], problems: Problems
) -> tuple[Condition, ...]:
    limits = {parent: values for parent, values in draft.limits.items() if parent in drafts}
    stated = dict(sorted(_stated(draft, drafts, broken, problems)))  # their order in the file means nothing
    for parent, values in stated.items():
        outside = [value for value in values if parent in limits and value not in limits[parent]]
        if outside:
            problems.add(
                dotted(draft.key, "when"),
                f"the condition names {listed(outside)}, where {draft.name} does not count: "
                f"{draft.reasons.get(parent, 'it has none')}",
                draft.when,
                allowed=listed(limits[parent]),
                next_step=f"Remove {listed(outside)} from the condition.",
            )
        limits[parent] = values
    return tuple(
        Condition(parent, values)
        for parent, values in limits.items()
        if parent in stated or _cuts(drafts[parent], values)
    )


def _cuts(parent: UnresolvedDimension, values: tuple[Value, ...]) -> bool:
    """Whether a condition on these values of the parent leaves anything out."""
    if parent.when is not None or parent.limits:
        return True
    return not all(value in values for value in _values_of(parent.parameter))


def _values_of(parameter: Parameter) -> tuple[Value, ...]:
    if isinstance(parameter, Categorical):
        return parameter.choices
    return (getattr(parameter, "value", None),)


def _stated(
    draft: UnresolvedDimension, drafts: Mapping[str, UnresolvedDimension], broken: Collection[str], problems: Problems
) -> Iterator[tuple[str, tuple[Value, ...]]]:
    if draft.when is None:
        return
    key = dotted(draft.key, "when")
    if not isinstance(draft.when, Mapping) or not draft.when:
        problems.add(
            key,
            "a condition names a dimension and its values",
            draft.when,
            allowed='{ optimizer = ["sgd"] }',
            next_step='Write for example when = { optimizer = ["sgd"] }, or remove it.',
        )
        return
    for parent, values in _flat(draft.when):
        read = None if parent in broken else _stated_values(draft, parent, values, drafts, problems)
        if read is not None:
            yield parent, read


def _flat(when: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The conditions with dotted parents: TOML reads `{ model.units = [64] }` as a table in a table."""
    for key, value in when.items():
        if isinstance(value, Mapping):
            yield from _flat(value, dotted(prefix, key))
        else:
            yield dotted(prefix, key), value


def _stated_values(
    draft: UnresolvedDimension, parent: str, values: Any, drafts: Mapping[str, UnresolvedDimension], problems: Problems
) -> tuple[Value, ...] | None:
    key = dotted(dotted(draft.key, "when"), parent)
    choices = {name: other for name, other in drafts.items() if other.parameter.size > 1}
    choices = {name: other for name, other in choices.items() if isinstance(other.parameter, Categorical)}
    if parent == draft.name:
        problems.add(key, "a dimension cannot depend on itself", values, next_step="Name another dimension.")
    elif parent == draft.section:
        problems.add(
            key,
            f"this condition is given twice: an option counts only with its own {parent} anyway",
            values,
            next_step="Remove it from `when`.",
        )
    elif parent not in drafts:
        problems.unknown(key, "dimension in [search]", parent, choices)
    elif parent not in choices:
        problems.add(
            key,
            "a condition needs a dimension that is a searched choice, but this one is " + str(drafts[parent].parameter),
            parent,
            allowed=listed(choices) or "no dimension of this study is a choice",
            next_step=f"Make {parent} a list of several values, or remove the condition.",
        )
    else:
        return _among(key, values, choices[parent].parameter, problems)
    return None


def _among(key: str, values: Any, parent: Parameter, problems: Problems) -> tuple[Value, ...] | None:
    choices = parent.choices if isinstance(parent, Categorical) else ()
    found: list[Value] = []
    before = len(problems.found)
    for value in values if isinstance(values, list | tuple) else [values]:
        match = next((choice for choice in choices if _same(value, choice)), _NONE)
        if match is _NONE:
            problems.unknown(key, "value among those that are searched", value, [str(choice) for choice in choices])
        elif any(match is other for other in found):
            problems.add(key, "a value may stand in a condition once", values, next_step=f"Name {match} once.")
        else:
            found.append(match)  # type: ignore[arg-type]
    if not found and len(problems.found) == before:
        problems.add(
            key, "a condition needs at least one value", values, allowed=listed(choices), next_step="Name the values."
        )
    if len(problems.found) > before:
        return None
    # In the order of the choices: that of the condition means nothing, and must not make another question.
    return tuple(choice for choice in choices if any(choice is other for other in found))


_NONE = object()


def _same(value: Any, choice: Value) -> bool:
    if isinstance(value, list):
        value = tuple(value)
    if is_number(value) and is_number(choice):
        return value == choice  # type: ignore[no-any-return]
    return type(value) is type(choice) and value == choice


def _ordered(
    drafts: Sequence[UnresolvedDimension], conditions: Mapping[str, tuple[Condition, ...]], problems: Problems
) -> list[UnresolvedDimension] | None:
    """The drafts in their order, each moved behind its parents; None after noting a cycle."""
    placed: dict[str, UnresolvedDimension] = {}
    waiting = list(drafts)
    while waiting:
        ready = next((d for d in waiting if all(when.name in placed for when in conditions[d.name])), None)
        if ready is None:
            names = " → ".join(_cycle(waiting[0].name, conditions, {draft.name for draft in waiting}))
            first = next(draft for draft in waiting if draft.name == names.split(" → ")[0])
            problems.add(
                dotted(first.key, "when"),
                f"conditions must not run in a circle: {names}",
                first.when,
                next_step="Remove one of these conditions.",
            )
            return None
        waiting.remove(ready)
        placed[ready.name] = ready
    return list(placed.values())


def _cycle(start: str, conditions: Mapping[str, tuple[Condition, ...]], waiting: set[str]) -> list[str]:
    """A circle among the dimensions that wait for each other, the first one named again at its end."""
    path = [start]
    while True:
        step = next(when.name for when in conditions[path[-1]] if when.name in waiting)
        if step in path:
            return [*path[path.index(step) :], step]
        path.append(step)

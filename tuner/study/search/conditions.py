"""Resolve conditions of `[search]`: `when` in the study file, and those implied by the registries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tuner.space import Categorical, Condition, Dimension, Parameter, Space, Value, is_finite_number
from tuner.study.problems import Problems, dotted, dotted_items, listed
from tuner.study.search.search_context import parameter_values


@dataclass(frozen=True)
class UnresolvedDimension:
    """A dimension with unresolved conditions.

    Attributes:
        name: Name of the dimension ("optimizer.sgd.nesterov").
        key: Its key in the study file ("search.optimizer_options.sgd.nesterov").
        parameter: Its parameter.
        when: The condition in the study file, or None.
        limits: Parents and their values for which the dimension is defined (momentum: optimizers with such a term).
        reasons: Why, for each parent of `limits`.
        section: The parent whose option this is; `when` must not name it again.
    """

    name: str
    key: str
    parameter: Parameter
    when: Any = None
    limits: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    section: str | None = None


def build_space(drafts: Sequence[UnresolvedDimension], broken: Collection[str], problems: Problems) -> Space | None:
    """Build the space, each dimension after those it depends on, or return None after noting problems.

    Args:
        drafts: The dimensions that could be read.
        broken: Names of those that could not; conditions on them are not checked.
        problems: Collects the problems.
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
                f"the condition names {listed(outside)}, for which {draft.name} has no effect: "
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
    """Check that a condition on these values of the parent excludes anything."""
    if parent.when is not None or parent.limits:
        return True
    return not set(parameter_values(parent.parameter)) <= set(values)


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
            next_step='Write, for example, when = { optimizer = ["sgd"] }, or remove it.',
        )
        return
    for parent, values in dotted_items(draft.when):
        read = None if parent in broken else _stated_values(draft, parent, values, drafts, problems)
        if read is not None:
            yield parent, read


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
            f"this condition is redundant: an option is active only with its own {parent} anyway",
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
            problems.unknown(key, "searched value", value, [str(choice) for choice in choices])
        elif any(match is other for other in found):
            problems.add(key, "a condition may name a value only once", values, next_step=f"Name {match} once.")
        else:
            found.append(match)  # type: ignore[arg-type]
    if not found and len(problems.found) == before:
        problems.add(
            key, "a condition needs at least one value", values, allowed=listed(choices), next_step="Name the values."
        )
    if len(problems.found) > before:
        return None
    # In the order of the choices: that of the condition means nothing, and must not change the fingerprint.
    return tuple(choice for choice in choices if any(choice is other for other in found))


_NONE = object()


def _same(value: Any, choice: Value) -> bool:
    if isinstance(value, list):
        value = tuple(value)
    if is_finite_number(value) and is_finite_number(choice):
        return value == choice  # type: ignore[no-any-return]
    return type(value) is type(choice) and value == choice


def _ordered(
    drafts: Sequence[UnresolvedDimension], conditions: Mapping[str, tuple[Condition, ...]], problems: Problems
) -> list[UnresolvedDimension] | None:
    """Sort the drafts topologically, otherwise in their order; return None after noting a cycle."""
    placed: dict[str, UnresolvedDimension] = {}
    waiting = list(drafts)
    while waiting:
        ready = next((d for d in waiting if all(when.name in placed for when in conditions[d.name])), None)
        if ready is None:
            names = " → ".join(_cycle(waiting[0].name, conditions, {draft.name for draft in waiting}))
            first = next(draft for draft in waiting if draft.name == names.split(" → ")[0])
            problems.add(
                dotted(first.key, "when"),
                f"conditions must not form a cycle: {names}",
                first.when,
                next_step="Remove one of these conditions.",
            )
            return None
        waiting.remove(ready)
        placed[ready.name] = ready
    return list(placed.values())


def _cycle(start: str, conditions: Mapping[str, tuple[Condition, ...]], waiting: set[str]) -> list[str]:
    """Return a cycle among the waiting dimensions, with its first one repeated at the end."""
    path = [start]
    while True:
        step = next(when.name for when in conditions[path[-1]] if when.name in waiting)
        if step in path:
            return [*path[path.index(step) :], step]
        path.append(step)

"""Read dimensions whose values are rows of a registry, and the options of these rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tuner.catalog import DIMENSIONS, ChoiceDimension, number_dimension
from tuner.space import Categorical, Fixed
from tuner.study.allowed_value import AllowedValue
from tuner.study.problems import dotted, listed
from tuner.study.search.conditions import UnresolvedDimension
from tuner.study.search.parameter_syntax import ParsedParameter, read_parameter
from tuner.study.search.search_context import SearchContext, default_choice, default_choices, parameter_values
from tuner.text import with_article


def choice_drafts(dimension: ChoiceDimension, context: SearchContext) -> Iterator[UnresolvedDimension]:
    """Yield a choice and the options of its rows, before their conditions are resolved; note what cannot be read."""
    key = dotted("search", dimension.name)
    given = None if dimension.name in context.broken else _given_choice(dimension, key, context)
    if given is None:
        context.broken.add(dimension.name)
        return
    context.chosen[dimension.name] = tuple(str(value) for value in parameter_values(given.parameter))
    if dimension.name in context.section:
        _check_tasks(dimension, context)
    _unchosen_options(dimension, context)
    yield UnresolvedDimension(dimension.name, key, given.parameter, given.when)
    for choice in context.chosen[dimension.name]:
        yield from _option_drafts(dimension, choice, context)


def _given_choice(dimension: ChoiceDimension, key: str, context: SearchContext) -> ParsedParameter | None:
    auto = Categorical(tuple(default_choices(dimension, context.task)))
    if dimension.name in context.section:
        names = (*dimension.table, *context.user_names.get(dimension.name, ()))
        constraint = AllowedValue(key, Categorical(names), auto, family=dimension.name)
        return read_parameter(context.section[dimension.name], constraint, context.problems)
    if context.given is None and dimension.by_default:
        return ParsedParameter(auto)
    return ParsedParameter(Fixed(default_choice(dimension, context.task)))


def _check_tasks(dimension: ChoiceDimension, context: SearchContext) -> None:
    """Note rows of another task; `cross_checks` advises against pairs that train badly."""
    task = context.task
    if task is None:
        return
    for name in context.chosen[dimension.name]:
        tasks = dimension.table[name].allowed_tasks
        if task not in tasks:
            suits = [other.name for other in dimension.table.values() if task in other.tasks]
            context.problems.add(
                dotted("search", dimension.name),
                f"this {dimension.name} is for {listed(sorted(tasks)) or 'no task'}, "
                f"but the task of the data is {task}",
                name,
                allowed=listed(suits),
                next_step=f"Use one of those for {task}, or correct the task in [data].",
            )


def check_option_sections(context: SearchContext) -> None:
    """Note option sections of unknown rows, and empty ones."""
    for dimension in DIMENSIONS.values():
        if isinstance(dimension, ChoiceDimension):
            name = f"{dimension.name}_options"
            for choice, options in context.table(name).items():
                known = (*dimension.table, *context.user_names.get(dimension.name, ()))
                if choice not in known and dimension.name not in context.broken:
                    context.problems.unknown(f"search.{name}.{choice}", dimension.name, choice, known)
                elif choice in known and isinstance(options, Mapping) and not options:
                    context.problems.add(
                        f"search.{name}.{choice}",
                        "the section is empty",
                        allowed=listed(_option_names(dimension, choice)) or "it has no options",
                        next_step="Add an option, or remove the section.",
                    )


def _option_names(dimension: ChoiceDimension, choice: str) -> list[str]:
    own = [option.name for option in dimension.table[choice].options]
    shared = [name for name in dimension.own if number_dimension(name).taken_by(dimension.table[choice])]
    return own + [name for name in shared if name not in own]


def _unchosen_options(dimension: ChoiceDimension, context: SearchContext) -> None:
    name = f"{dimension.name}_options"
    for choice, options in context.table(name).items():
        if choice in dimension.table and choice not in context.chosen[dimension.name]:
            context.problems.add(
                f"search.{name}.{choice}",
                f"these are options of {with_article(dimension.name)} that is not searched",
                options,
                allowed=listed(context.chosen[dimension.name]),
                next_step=f"Add {choice} to search.{dimension.name}, or remove this section.",
            )


def _option_drafts(dimension: ChoiceDimension, choice: str, context: SearchContext) -> Iterator[UnresolvedDimension]:
    options = context.table(f"{dimension.name}_options", choice)
    for option, value in options.items():
        key = f"search.{dimension.name}_options.{choice}.{option}"
        name = f"{dimension.name}.{choice}.{option}"
        constraint = _option_constraint(dimension, choice, option, key)
        if constraint is None:
            allowed = _option_names(dimension, choice)
            context.problems.unknown(key, f"option of {choice}", option, allowed, None if allowed else "Remove it.")
            continue
        given = read_parameter(value, constraint, context.problems)
        if given is None:
            context.broken.add(name)
            continue
        yield UnresolvedDimension(
            name, key, given.parameter, given.when, {dimension.name: (choice,)}, section=dimension.name
        )


def _option_constraint(dimension: ChoiceDimension, choice: str, option: str, key: str) -> AllowedValue | None:
    row = dimension.table[choice].option(option)
    if row is not None:
        return AllowedValue(key, row.allowed, row.auto, family="value")
    if option not in _option_names(dimension, choice):
        return None
    shared = number_dimension(option)
    auto = shared.auto if shared.auto_from_row is None else shared.auto_from_row(dimension.table[choice])
    return AllowedValue(key, shared.allowed, auto, shared.words)

"""Read dimensions of numbers: learning rate, momentum, batch size, penalties …"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tuner.catalog import NumberDimension, choice_dimension
from tuner.space import Categorical, Fixed, Float, Parameter, Value
from tuner.study.allowed_value import AllowedValue
from tuner.study.problems import dotted, listed
from tuner.study.search.conditions import UnresolvedDimension
from tuner.study.search.parameter_syntax import ParsedParameter, read_parameter
from tuner.study.search.search_context import SearchContext, parameter_values
from tuner.text import count


def number_drafts(dimension: NumberDimension, context: SearchContext) -> Iterator[UnresolvedDimension]:
    """Yield a dimension of numbers before its conditions are resolved; note what cannot be read."""
    name, key = dimension.name, dotted("search", dimension.name)
    explicit = name in context.section
    if explicit and not _means_something(dimension, key, context):
        return
    limits, reasons = _limits(dimension, context)
    if limits is None:
        if explicit:
            context.problems.add(
                key,
                f"would have no effect: {reasons}",
                context.section[name],
                next_step=f"Remove it, or choose another {dimension.choice}.",
            )
        return
    given = _given_number(dimension, key, context, limits)
    if given is not None:
        parent_reasons = dict.fromkeys(limits, reasons)
        yield UnresolvedDimension(name, key, given.parameter, given.when, limits, parent_reasons)
    elif explicit:
        context.broken.add(name)


def _given_number(
    dimension: NumberDimension, key: str, context: SearchContext, limits: Mapping[str, tuple[Value, ...]]
) -> ParsedParameter | None:
    auto = _auto(dimension, context, limits)
    if dimension.name in context.section:
        constraint = AllowedValue(key, dimension.allowed, auto, dimension.words)
        given = read_parameter(context.section[dimension.name], constraint, context.problems)
        if given is not None and given.parameter != auto and dimension.counts_rows:
            _check_rows(given.parameter, key, context)
        return given
    if context.given is None and dimension.by_default and auto is not None:
        return ParsedParameter(auto)
    return None if dimension.default is None else ParsedParameter(Fixed(dimension.default))


def _auto(
    dimension: NumberDimension, context: SearchContext, limits: Mapping[str, tuple[Value, ...]]
) -> Parameter | None:
    """Return the range of "auto", or None without one."""
    if dimension.auto_from_row is None or dimension.choice is None:
        return _at_most(dimension.auto, context.rows) if dimension.counts_rows else dimension.auto
    table = choice_dimension(dimension.choice).table
    names = limits.get(dimension.choice, context.chosen.get(dimension.choice, ()))
    return _covering([dimension.auto_from_row(table[str(name)]) for name in names])


def _limits(dimension: NumberDimension, context: SearchContext) -> tuple[dict[str, tuple[Value, ...]] | None, str]:
    """Return the values of other dimensions for which this one is active (None for never), and the reason."""
    if dimension.choice is None:
        return {}, ""
    choice, name, reason = choice_dimension(dimension.choice), dimension.name, dimension.reason
    chosen = context.chosen.get(choice.name)
    having = [row for row in chosen or () if dimension.taken_by(choice.table[row])]
    section = f"{choice.name}_options"
    own = [row for row in having if name in choice.own and name in context.table(section, row)]
    if own:
        reason = " or ".join(filter(None, [reason, f"it has a {name} of its own in [search.{section}]"]))
    return _limited(choice.name, chosen, [row for row in having if row not in own], reason)


def _limited(
    parent: str, chosen: tuple[str, ...] | None, having: list[str], reason: str
) -> tuple[dict[str, tuple[Value, ...]] | None, str]:
    if chosen is None or len(having) == len(chosen):
        return {}, reason
    if not having:
        return None, f"{listed(chosen)}: {reason}"
    return {parent: tuple(having)}, reason


def _means_something(dimension: NumberDimension, key: str, context: SearchContext) -> bool:
    """Check that the dimension is defined for the task, or note the problem."""
    if context.task in (None, *dimension.tasks):
        return True
    context.problems.add(
        key,
        f"{dimension.task_rule}, but the task of the data is {context.task}",
        context.section[dimension.name],
        allowed=f"a study of the task {' or '.join(dimension.tasks)}",
        next_step="Remove it.",
    )
    return False


def _covering(ranges: Sequence[Parameter | None]) -> Float | None:
    """Unite the ranges of several rows; None if there are none."""
    known = [one for one in ranges if isinstance(one, Float)]
    return Float(min(r.low for r in known), max(r.high for r in known), log=True) if known else None


def _at_most(auto: Parameter | None, rows: int | None) -> Parameter | None:
    """Leave out choices beyond the rows of the training part; the smallest one stays."""
    if rows is None or not isinstance(auto, Categorical):
        return auto
    fitting = tuple(size for size in auto.choices if isinstance(size, int) and size <= rows)
    return Categorical(fitting or auto.choices[:1])


def _check_rows(parameter: Parameter, key: str, context: SearchContext) -> None:
    if context.rows is None:
        return
    sizes = [value for value in parameter_values(parameter) if isinstance(value, int)]
    if sizes and min(sizes) > context.rows:
        context.problems.add(
            key,
            f"every batch is larger than the training part, which has {count(context.rows, 'row')}",
            sizes[0] if len(sizes) == 1 else sizes,
            allowed=f"at most {context.rows:,}",
            next_step="Use smaller batches.",
        )
    elif sizes and max(sizes) > context.rows:
        context.advice.append(
            f"{key}: {max(sizes):,} is more than the {count(context.rows, 'row')} of the training part, which then "
            "form one batch: all larger sizes are the same"
        )

"""Parse a value of `[search]` as a parameter.

A list is a choice, a table `{low, high, log, step}` a range, "auto" the default of the dimension, a single value fixed.
`{choices = [...], when = {...}}` is a choice under a condition; a range takes `when` too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tuner.errors import nearest
from tuner.space import Categorical, Fixed, Float, Int, Parameter, is_finite_number
from tuner.study.allowed_value import AllowedValue, Invalid, bare, checked
from tuner.study.problems import Problems, dotted, written
from tuner.study.scalars import is_whole

MOST_CHOICES: Final = 1_000
MOST_STEPS: Final = 1_000_000
_RANGE_KEYS = ("low", "high", "log", "step", "when")
_FLAG = AllowedValue("", Categorical((True, False)))
_CHOICE_KEYS = ("choices", "when")


@dataclass(frozen=True)
class ParsedParameter:
    """A parameter, and its condition as written in the file."""

    parameter: Parameter
    when: Any = None


def read_parameter(value: Any, constraint: AllowedValue, problems: Problems) -> ParsedParameter | None:
    """Parse the parameter that `value` describes, or return None after noting problems."""
    if value == "auto" and isinstance(value, str):
        return _auto(constraint, problems)
    if isinstance(value, Mapping):
        return _described(value, constraint, problems)
    if isinstance(value, list | tuple):
        parameter = _choice(value, constraint, constraint.key, problems)
        return None if parameter is None else ParsedParameter(parameter)
    one = checked(value, constraint, constraint.key, problems)
    return None if isinstance(one, Invalid) else ParsedParameter(Fixed(one))


def _auto(constraint: AllowedValue, problems: Problems) -> ParsedParameter | None:
    if constraint.auto is not None:
        return ParsedParameter(constraint.auto)
    problems.add(
        constraint.key,
        "there is no automatic range here",
        "auto",
        allowed=constraint.text,
        next_step='Name the values; for the text "auto" itself write ["auto"].',
    )
    return None


def _described(table: Mapping[str, Any], constraint: AllowedValue, problems: Problems) -> ParsedParameter | None:
    if "choices" in table:
        return _described_choice(table, constraint, problems)
    if not table or not {"low", "high"} & set(table):
        problems.add(
            constraint.key,
            "a table here is a range or a choice",
            dict(table),
            allowed="{ low = …, high = … } with log, step, when; { choices = […] } with when",
            near=next((near for key in table if (near := nearest(key, _RANGE_KEYS + _CHOICE_KEYS))), None),
            next_step=f"Write, for example, {constraint.key.rpartition('.')[2]} = {_example(constraint)}.",
        )
        return None
    if isinstance(constraint.allowed, Categorical | Fixed):
        problems.add(
            constraint.key,
            "this is a choice, not a range",
            dict(table),
            allowed=constraint.text,
            next_step="Write a list of the values to try.",
        )
        return None
    before = len(problems.found)
    problems.unknown_keys(constraint.key, table, _RANGE_KEYS)
    parameter = _range(table, constraint, problems)
    return None if parameter is None or len(problems.found) > before else ParsedParameter(parameter, table.get("when"))


def _described_choice(table: Mapping[str, Any], constraint: AllowedValue, problems: Problems) -> ParsedParameter | None:
    before = len(problems.found)
    problems.unknown_keys(constraint.key, table, _CHOICE_KEYS)
    key, choices = dotted(constraint.key, "choices"), table["choices"]
    if choices == "auto":
        given = _auto(constraint, problems)
        parameter = given.parameter if given else None
    elif isinstance(choices, list | tuple):
        parameter = _choice(choices, constraint, key, problems)
    else:
        parameter = None
        problems.add(key, "must be a list", choices, allowed="a list of values", next_step="Put the values in [ ].")
    return None if parameter is None or len(problems.found) > before else ParsedParameter(parameter, table.get("when"))


def _range(table: Mapping[str, Any], constraint: AllowedValue, problems: Problems) -> Float | Int | None:
    bounds = {}
    for bound in ("low", "high"):
        if bound not in table:
            problems.add(
                constraint.key,
                f"a range needs low and high, but {bound} is missing",
                dict(table),
                allowed="{ low = …, high = … }",
                next_step=f"Add {bound}.",
            )
            continue
        number = checked(table[bound], constraint, dotted(constraint.key, bound), problems, number=True)
        if not isinstance(number, Invalid):
            bounds[bound] = number
    log = checked(table.get("log", False), _FLAG, dotted(constraint.key, "log"), problems)
    step = table.get("step")
    if step is not None and not is_finite_number(step):
        problems.add(
            dotted(constraint.key, "step"),
            "must be a finite number",
            step,
            allowed="a number above 0",
            next_step="Correct it.",
        )
        return None
    if len(bounds) < 2 or not isinstance(log, bool):
        return None
    return _checked_range(bounds["low"], bounds["high"], log, step, table, constraint, problems)


def _checked_range(
    low: Any, high: Any, log: bool, step: Any, table: Mapping[str, Any], constraint: AllowedValue, problems: Problems
) -> Float | Int | None:
    whole = isinstance(constraint.allowed, Int) or (
        constraint.allowed is None and type(low) is int and type(high) is int and (step is None or is_whole(step))
    )
    if whole and step is not None and not is_whole(step):
        problems.add(
            dotted(constraint.key, "step"),
            "must be a whole number",
            step,
            allowed="a whole number",
            next_step="Correct it.",
        )
        return None
    try:
        if whole:
            made: Float | Int = Int(low, high, log, 1 if step is None else int(step))
        else:
            made = Float(float(low), float(high), log, None if step is None else float(step))
    except ValueError as error:
        problems.add(
            constraint.key,
            str(error),
            dict(table),
            allowed=_range_rule(log, step),
            next_step=_mend(low, high, log, step),
        )
        return None
    if step is not None and made.size > MOST_STEPS:
        problems.add(
            constraint.key,
            f"a range has at most {MOST_STEPS:,} steps, but this one has {made.size:,.0f}",
            dict(table),
            allowed=f"at most {MOST_STEPS:,} steps",
            next_step="Use a larger step, or none.",
        )
        return None
    return made


def _range_rule(log: bool, step: Any) -> str:
    if log:
        return "0 < low <= high, without step"
    return "low <= high" if step is None else "low <= high, step > 0"


def _mend(low: Any, high: Any, log: bool, step: Any) -> str:
    if low > high:
        return "Swap low and high."
    if log and low <= 0:
        return "Raise low above 0, or remove log."
    return "Remove log or step." if log and step is not None else "Use a step above 0."


def _choice(
    values: list[Any] | tuple[Any, ...], constraint: AllowedValue, key: str, problems: Problems
) -> Categorical | None:
    if len(values) > MOST_CHOICES:
        problems.add(
            key,
            f"a choice has at most {MOST_CHOICES:,} values",
            f"{len(values):,} values",
            allowed=f"at most {MOST_CHOICES:,} values",
            next_step="Use a range, { low = …, high = … }, or fewer values.",
        )
        return None
    read = [checked(value, constraint, key, problems) for value in values]
    kept = [value for value in read if not isinstance(value, Invalid)]
    if len(set(kept)) < len(kept):  # True equals 1 here: no sampler could tell the two apart
        twice = next(value for index, value in enumerate(kept) if value in kept[:index])
        problems.add(
            key,
            "the values of a choice must differ",
            list(values),
            allowed=constraint.text,
            next_step=f"Name {bare(twice)} once.",
        )
        return None
    if not values:
        problems.add(
            key,
            "a choice needs at least one value",
            [],
            allowed=constraint.text,
            next_step="Name values, or remove the key.",
        )
    return Categorical(tuple(kept)) if kept and len(kept) == len(values) else None


def _example(constraint: AllowedValue) -> str:
    match constraint.allowed:
        case Categorical(choices):
            return written(list(choices[:2]))
        case Fixed(value):
            return written(value)
        case Int(low):
            return f"{{ low = {max(low, 1)}, high = {max(low, 1) * 4} }}"
        case Float(low, high):
            return f"{{ low = {min(max(low, 1e-3), high):g}, high = {min(high, 0.1):g} }}"
    return "{ low = 16, high = 128 }"

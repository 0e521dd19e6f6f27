"""Parse a value of `[search]` as a parameter.

A list is a choice, a table `{low, high, log, step}` a range, "auto" the default of the dimension, a single value fixed.
`{choices = [...], when = {...}}` is a choice under a condition; a range takes `when` too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tuner.errors import nearest
from tuner.space import Categorical, Fixed, Float, Int, Parameter
from tuner.study.allowed_value import AllowedValue, Invalid, bare, checked
from tuner.study.problems import Problems, dotted, written
from tuner.study.scalars import is_number, is_whole

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


def read_parameter(value: Any, place: AllowedValue, problems: Problems) -> ParsedParameter | None:
    """Parse the parameter that `value` describes, or return None after noting problems."""
    if value == "auto" and isinstance(value, str):
        return _auto(place, problems)
    if isinstance(value, Mapping):
        return _described(value, place, problems)
    if isinstance(value, list | tuple):
        parameter = _choice(value, place, place.key, problems)
        return None if parameter is None else ParsedParameter(parameter)
    one = checked(value, place, place.key, problems)
    return None if isinstance(one, Invalid) else ParsedParameter(Fixed(one))


def _auto(place: AllowedValue, problems: Problems) -> ParsedParameter | None:
    if place.auto is not None:
        return ParsedParameter(place.auto)
    problems.add(
        place.key,
        "there is no automatic range here",
        "auto",
        allowed=place.text,
        next_step='Name the values; for the text "auto" itself write ["auto"].',
    )
    return None


def _described(table: Mapping[str, Any], place: AllowedValue, problems: Problems) -> ParsedParameter | None:
    if "choices" in table:
        return _described_choice(table, place, problems)
    if not table or not {"low", "high"} & set(table):
        problems.add(
            place.key,
            "a table here is a range or a choice",
            dict(table),
            allowed="{ low = …, high = … } with log, step, when; { choices = […] } with when",
            near=next((near for key in table if (near := nearest(key, _RANGE_KEYS + _CHOICE_KEYS))), None),
            next_step=f"Write, for example, {place.key.rpartition('.')[2]} = {_example(place)}.",
        )
        return None
    if isinstance(place.allowed, Categorical | Fixed):
        problems.add(
            place.key,
            "this is a choice, not a range",
            dict(table),
            allowed=place.text,
            next_step="Write a list of the values to try.",
        )
        return None
    before = len(problems.found)
    problems.unknown_keys(place.key, table, _RANGE_KEYS)
    parameter = _range(table, place, problems)
    return None if parameter is None or len(problems.found) > before else ParsedParameter(parameter, table.get("when"))


def _described_choice(table: Mapping[str, Any], place: AllowedValue, problems: Problems) -> ParsedParameter | None:
    before = len(problems.found)
    problems.unknown_keys(place.key, table, _CHOICE_KEYS)
    key, choices = dotted(place.key, "choices"), table["choices"]
    if choices == "auto":
        given = _auto(place, problems)
        parameter = given.parameter if given else None
    elif isinstance(choices, list | tuple):
        parameter = _choice(choices, place, key, problems)
    else:
        parameter = None
        problems.add(key, "must be a list", choices, allowed="a list of values", next_step="Put the values in [ ].")
    return None if parameter is None or len(problems.found) > before else ParsedParameter(parameter, table.get("when"))


def _range(table: Mapping[str, Any], place: AllowedValue, problems: Problems) -> Float | Int | None:
    bounds = {}
    for bound in ("low", "high"):
        if bound not in table:
            problems.add(
                place.key,
                f"a range needs low and high, but {bound} is missing",
                dict(table),
                allowed="{ low = …, high = … }",
                next_step=f"Add {bound}.",
            )
            continue
        number = checked(table[bound], place, dotted(place.key, bound), problems, number=True)
        if not isinstance(number, Invalid):
            bounds[bound] = number
    log = checked(table.get("log", False), _FLAG, dotted(place.key, "log"), problems)
    step = table.get("step")
    if step is not None and not is_number(step):
        problems.add(
            dotted(place.key, "step"),
            "must be a finite number",
            step,
            allowed="a number above 0",
            next_step="Correct it.",
        )
        return None
    if len(bounds) < 2 or not isinstance(log, bool):
        return None
    return _checked_range(bounds["low"], bounds["high"], log, step, table, place, problems)


def _checked_range(
    low: Any, high: Any, log: bool, step: Any, table: Mapping[str, Any], place: AllowedValue, problems: Problems
) -> Float | Int | None:
    whole = isinstance(place.allowed, Int) or (
        place.allowed is None and type(low) is int and type(high) is int and (step is None or is_whole(step))
    )
    if whole and step is not None and not is_whole(step):
        problems.add(
            dotted(place.key, "step"), "must be a whole number", step, allowed="a whole number", next_step="Correct it."
        )
        return None
    try:
        if whole:
            made: Float | Int = Int(low, high, log, 1 if step is None else int(step))
        else:
            made = Float(float(low), float(high), log, None if step is None else float(step))
    except ValueError as error:
        problems.add(
            place.key, str(error), dict(table), allowed=_range_rule(log, step), next_step=_mend(low, high, log, step)
        )
        return None
    if step is not None and made.size > MOST_STEPS:
        problems.add(
            place.key,
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
    values: list[Any] | tuple[Any, ...], place: AllowedValue, key: str, problems: Problems
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
    read = [checked(value, place, key, problems) for value in values]
    kept = [value for value in read if not isinstance(value, Invalid)]
    if len(set(kept)) < len(kept):  # True equals 1 here: no sampler could tell the two apart
        twice = next(value for index, value in enumerate(kept) if value in kept[:index])
        problems.add(
            key,
            "the values of a choice must differ",
            list(values),
            allowed=place.text,
            next_step=f"Name {bare(twice)} once.",
        )
        return None
    if not values:
        problems.add(
            key,
            "a choice needs at least one value",
            [],
            allowed=place.text,
            next_step="Name values, or remove the key.",
        )
    return Categorical(tuple(kept)) if kept and len(kept) == len(values) else None


def _example(place: AllowedValue) -> str:
    match place.allowed:
        case Categorical(choices):
            return written(list(choices[:2]))
        case Fixed(value):
            return written(value)
        case Int(low):
            return f"{{ low = {max(low, 1)}, high = {max(low, 1) * 4} }}"
        case Float(low, high):
            return f"{{ low = {min(max(low, 1e-3), high):g}, high = {min(high, 0.1):g} }}"
    return "{ low = 16, high = 128 }"

"""One value of a study file, checked against what may stand at its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tuner.errors import nearest
from tuner.space import Categorical, Fixed, Float, Int, Parameter, Value
from tuner.study.problems import Problems, listed, written
from tuner.study.scalars import is_number, is_whole

LARGEST_WHOLE = 2**53
"""Beyond it neither JSON nor a float holds every whole number."""


class Invalid:
    """Stands for a value that was refused; its problem has been noted."""


INVALID = Invalid()


@dataclass(frozen=True)
class AllowedValue:
    """What may stand at one key of a study file.

    Attributes:
        key: The dotted key in the study file.
        allowed: Every value, bound and choice must lie in it; None for a keyword of the model, which may be anything.
        auto: What "auto" stands for; None where it stands for nothing.
        words: Words that stand for a number ("balanced").
        family: What one value is called in messages ("optimizer").
    """

    key: str
    allowed: Parameter | None
    auto: Parameter | None = None
    words: Mapping[str, float] = field(default_factory=dict)
    family: str = "value"

    @property
    def text(self) -> str:
        """What may stand here, in words."""
        match self.allowed:
            case None:
                return "a number, a text, true or false, a list of them (a choice), or { low, high } (a range)"
            case Int(low, high):
                text = f"a whole number from {low} to {high}"
            case Float(low, high):
                text = f"a number from {low:g} to {high:g}"
            case Categorical(choices):
                text = listed(bare(choice) for choice in choices)
            case Fixed(value):
                text = bare(value)
        return ", ".join([text, *(f'"{word}"' for word in self.words)])


def read_value(value: Any, place: AllowedValue, problems: Problems) -> Value:
    """One value and no choice (an option of a sampler); None after noting what is wrong with it."""
    one = checked(value, place, place.key, problems)
    return None if isinstance(one, Invalid) else one


def checked(value: Any, place: AllowedValue, key: str, problems: Problems, number: bool = False) -> Value | Invalid:
    """One value, checked; `number` for the bounds of a range, which must be numbers everywhere."""
    match place.allowed:
        case Float() | Int():
            return _number(value, place, key, problems)
        case Categorical(choices):
            return _member(value, choices, place, key, problems)
        case Fixed(only):
            return _member(value, (only,), place, key, problems)
    if number and not (is_number(value) and abs(value) < LARGEST_WHOLE):
        problems.add(
            key, "must be a finite number", value, allowed="a number; not nan or inf", next_step="Correct this bound."
        )
        return INVALID
    return _anything(value, place, key, problems)


def _number(value: Any, place: AllowedValue, key: str, problems: Problems) -> Value | Invalid:
    if isinstance(value, str) and value in place.words:
        return place.words[value]
    whole = isinstance(place.allowed, Int)
    if not is_number(value):
        near = nearest(value, place.words) if isinstance(value, str) else None
        rule = "must be a finite number" if not isinstance(value, str | list | Mapping) else "must be a number"
        hint = f'Write "{near}".' if near else "Write a number without quotes."
    elif whole and not is_whole(value):
        near, rule, hint = None, "must be a whole number", "Round it."
    elif value in place.allowed:  # type: ignore[operator]
        return int(value) if whole else float(value)
    else:
        near, rule = None, "lies outside of what makes sense here"
        hint = "Choose a value in this range."
    problems.add(key, rule, value, allowed=place.text, near=near, next_step=hint)
    return INVALID


def _member(
    value: Any, choices: tuple[Value, ...], place: AllowedValue, key: str, problems: Problems
) -> Value | Invalid:
    for choice in choices:
        if type(value) is type(choice) and value == choice:
            return choice
        if is_number(value) and is_number(choice) and value == choice:
            return choice
    if not any(isinstance(choice, str) for choice in choices):
        problems.add(
            key, "must be one of the allowed values", value, allowed=place.text, next_step="Write it without quotes."
        )
    elif isinstance(value, str):
        problems.unknown(key, place.family, value, [bare(choice) for choice in choices])
    else:
        problems.add(
            key,
            "must be a name",
            value,
            allowed=place.text,
            next_step="Write one of the names in quotes, or a list of them.",
        )
    return INVALID


def _anything(value: Any, place: AllowedValue, key: str, problems: Problems, depth: int = 0) -> Value | Invalid:
    if isinstance(value, bool | str) or (is_number(value) and abs(value) < LARGEST_WHOLE):
        return value  # type: ignore[no-any-return]
    if isinstance(value, list | tuple) and depth < 3:
        items = [_anything(item, place, key, problems, depth + 1) for item in value]
        if any(isinstance(item, Invalid) for item in items):
            return INVALID
        return tuple(item for item in items if not isinstance(item, Invalid))
    rule = (
        "must be a finite number of ordinary size" if isinstance(value, int | float) else "cannot be given to a model"
    )
    problems.add(
        key, rule, value, allowed="numbers, texts, true or false, and lists of them", next_step="Correct this value."
    )
    return INVALID


def bare(value: Any) -> str:
    """A value as it stands in a list of allowed ones: names without quotes."""
    return value if isinstance(value, str) else written(value)

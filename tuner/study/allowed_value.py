"""The constraint on the value of a key of a study file: its check, its text and its JSON schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from tuner.errors import nearest
from tuner.space import Categorical, Fixed, Float, Int, Parameter, Value, is_finite_number
from tuner.study.problems import Problems, listed, refusal, unknown_name, written
from tuner.study.scalars import is_whole

LARGEST_WHOLE = 2**53
"""Beyond it neither JSON nor a float represents every integer."""


class Invalid:
    """Placeholder for a refused value, whose problem has been noted."""


INVALID = Invalid()


@dataclass(frozen=True)
class AllowedValue:
    """The constraint on the value of one key of a study file.

    Attributes:
        key: The dotted key in the study file.
        allowed: Contains every valid value, bound and choice; None for a keyword of the model, which may be anything.
        auto: The parameter that "auto" means, or None if "auto" is not allowed.
        words: Words that mean a number ("balanced").
        family: What one value is called in messages ("optimizer").
    """

    key: str
    allowed: Parameter | None
    auto: Parameter | None = None
    words: Mapping[str, float] = field(default_factory=dict, hash=False)
    family: str = "value"

    @property
    def text(self) -> str:
        """The allowed values, in words."""
        match self.allowed:
            case None:
                return "a number, a string, true or false, a list of them (a choice), or { low, high } (a range)"
            case Int(low, high):
                text = f"a whole number from {low} to {high}"
            case Float(low, high):
                text = f"a number from {low:g} to {high:g}"
            case Categorical(choices):
                text = listed(bare(choice) for choice in choices)
            case Fixed(value):
                text = bare(value)
        return ", ".join([text, *(f'"{word}"' for word in self.words)])

    def check(self, value: Any) -> Value:
        """Return the validated and normalized value.

        Raises:
            PydanticCustomError: The value is not allowed; see `refusal`.
        """
        match self.allowed:
            case None:
                return _anything(value)
            case Categorical(choices):
                return _member(value, choices, self)
            case Fixed(only):
                return _member(value, (only,), self)
            case Float() | Int() as allowed:
                return _number(value, self, allowed)

    @property
    def schema(self) -> dict[str, Any]:
        """Its JSON schema."""
        match self.allowed:
            case Float(low, high):
                schema: dict[str, Any] = {"type": "number", "minimum": low, "maximum": high}
            case Int(low, high):
                schema = {"type": "integer", "minimum": low, "maximum": high}
            case Categorical((True, False)):
                schema = {"type": "boolean"}
            case Categorical(choices):
                schema = {"enum": list(choices)}
            case Fixed(value):
                schema = {"const": value}
            case None:
                schema = {"not": {"type": ["object", "null"]}}
        return {"anyOf": [schema, {"enum": list(self.words)}]} if self.words else schema

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate a field that is annotated with it, whatever its type."""
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return self.schema


def checked(
    value: Any, constraint: AllowedValue, key: str, problems: Problems, number: bool = False
) -> Value | Invalid:
    """Validate one value, or note its problem; `number` for the bounds of a range, which are always numbers."""
    try:
        if number and constraint.allowed is None and not (is_finite_number(value) and abs(value) < LARGEST_WHOLE):
            raise refusal(
                "must be a finite number", allowed="a number; not nan or inf", next_step="Correct this bound."
            )
        return constraint.check(value)
    except PydanticCustomError as error:
        problems.refuse(key, value, error)
        return INVALID


def _number(value: Any, constraint: AllowedValue, allowed: Float | Int) -> Value:
    if isinstance(value, str) and value in constraint.words:
        return constraint.words[value]
    whole = isinstance(allowed, Int)
    if not is_finite_number(value):
        near = nearest(value, constraint.words) if isinstance(value, str) else None
        finite = "" if isinstance(value, str | list | Mapping) else "finite "
        rule = "must be a whole number" if whole else f"must be a {finite}number"
        hint = f'Write "{near}".' if near else "Write a number without quotes."
    elif whole and not is_whole(value):
        near, rule, hint = None, "must be a whole number", "Round it."
    elif value in allowed:
        return int(value) if whole else float(value)
    else:
        near, rule = None, "is out of range"
        hint = "Choose a value in the allowed range."
    raise refusal(rule, allowed=constraint.text, near=near, next_step=hint)


def _member(value: Any, choices: tuple[Value, ...], constraint: AllowedValue) -> Value:
    for choice in choices:
        if type(value) is type(choice) and value == choice:
            return choice
        if is_finite_number(value) and is_finite_number(choice) and value == choice:
            return choice
    if choices == (True, False):
        raise refusal("must be true or false", allowed="true, false", next_step="Write true or false without quotes.")
    if not any(isinstance(choice, str) for choice in choices):
        raise refusal(
            "must be one of the allowed values", allowed=constraint.text, next_step="Write a number without quotes."
        )
    if isinstance(value, str):
        raise unknown_name(constraint.family, value, [bare(choice) for choice in choices])
    raise refusal(
        "must be a name", allowed=constraint.text, next_step="Write one of the names in quotes, or a list of them."
    )


def _anything(value: Any, depth: int = 0) -> Value:
    if isinstance(value, bool | str) or (is_finite_number(value) and abs(value) < LARGEST_WHOLE):
        return value  # type: ignore[no-any-return]
    if isinstance(value, list | tuple) and depth < 3:
        return tuple(_anything(item, depth + 1) for item in value)
    number = isinstance(value, int | float)
    raise refusal(
        "must be a finite number of ordinary size" if number else "cannot be given to a model",
        allowed="numbers, texts, true or false, and lists of them",
        next_step="Correct this value.",
    )


def bare(value: Any) -> str:
    """Format a value for a list of allowed ones: names without quotes."""
    return value if isinstance(value, str) else written(value)

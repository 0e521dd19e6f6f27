"""Checks of single values of `[data]`, and the error of a broken rule."""

from __future__ import annotations

from pydantic_core import PydanticCustomError

from tuner.errors import shown


def broken(rule: str, given: object, next_step: str = "") -> PydanticCustomError:
    """Make the error of a broken rule; its message has no prefix of pydantic's."""
    sentence = f"{rule}, but got {shown(given)}." + (f" {next_step}" if next_step else "")
    return PydanticCustomError("rule", "{sentence}", {"sentence": sentence})


def is_number(value: object) -> bool:
    """Tell whether it is a number, and no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_text(value: object) -> bool:
    """Tell whether it is a text that a name or a path may be."""
    return isinstance(value, str) and value.strip() != "" and "\0" not in value and len(value) <= 4096

"""Collect the problems of a study file, so that one report lists all of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime, time
from typing import Any

from pydantic_core import PydanticCustomError

from tuner.errors import Problem, nearest
from tuner.study.renamed_keys import new_name

MAX_PROBLEMS = 100
"""Nobody fixes more at once, and a hostile file may have any number."""
_NOTHING = object()
_LONGEST = 600


def refusal(
    rule: str, *, allowed: str | None = None, near: str | None = None, next_step: str | None = None
) -> PydanticCustomError:
    """Make the error that a pydantic validator raises for a value that breaks a rule; `Problems.refuse` notes it."""
    return PydanticCustomError(
        "refused", "{rule}", {"rule": rule, "allowed": allowed, "near": near, "next_step": next_step}
    )


def unknown_name(
    family: str, given: object, allowed: Iterable[str], next_step: str | None = None
) -> PydanticCustomError:
    """Make the error for an unknown name; it suggests the nearest one."""
    names = list(allowed)
    near = nearest(given, names)
    return refusal(
        f"there is no {family} with this name",
        allowed=listed(names) if names else "nothing",
        near=near,
        next_step=next_step or (f"Write {near} here." if near else "Write one of the allowed names."),
    )


class TooManyProblemsError(Exception):
    """A study file has too many problems to continue checking it."""


class Problems:
    """The problems of a study file, in the order in which they were found.

    Raises:
        TooManyProblemsError: Any method, once there are `MAX_PROBLEMS`.
    """

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(
        self,
        key: str,
        rule: str,
        given: Any = _NOTHING,
        *,
        allowed: str | None = None,
        near: str | None = None,
        next_step: str | None = None,
    ) -> None:
        """Note one problem; `given` is the parsed value, and is shown in TOML."""
        text = None if given is _NOTHING else written(given)
        problem = Problem(_cut(key), _cut(rule), text, allowed, near, next_step)
        if problem in self.found:
            return
        self.found.append(problem)
        if len(self.found) == MAX_PROBLEMS:
            more = f"there may be more problems: only the first {MAX_PROBLEMS} are listed"
            self.found.append(Problem("", more, next_step="Fix these first."))
            raise TooManyProblemsError

    def add_error(self, key: str, error: Exception, given: Any, allowed: str | None = None) -> None:
        """Note an error whose last sentence says what to do."""
        rule, _, step = str(error).removesuffix(".").rpartition(". ")
        self.add(key, rule or step, given, allowed=allowed, next_step=f"{step}." if rule else "Correct it.")

    def refuse(self, key: str, given: object, error: PydanticCustomError) -> None:
        """Note a value that a validator has refused."""
        self.add(key, given=given, **(error.context or {}))

    def unknown(
        self, key: str, family: str, given: object, allowed: Iterable[str], next_step: str | None = None
    ) -> None:
        """Note an unknown name."""
        self.refuse(key, given, unknown_name(family, given, allowed, next_step))

    def unknown_keys(self, prefix: str, table: Mapping[str, Any], allowed: Iterable[str]) -> None:
        """Note every key of `table` that is not in `allowed`; `prefix` is the dotted name of the table."""
        names = list(allowed)
        for key in table:
            if key not in names:
                near = new_name(prefix, key, names) or nearest(key, names)
                self.add(
                    dotted(prefix, key),
                    "there is no such key",
                    table[key],
                    allowed=listed(names),
                    near=near,
                    next_step=f"Rename it to {near}." if near else "Remove it.",
                )


def _cut(text: str) -> str:
    """Shorten a very long text in the middle."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"


def dotted(prefix: str, key: object) -> str:
    """Return the dotted name of `key` in the table `prefix` ("" for the top level)."""
    return f"{prefix}.{key}" if prefix else str(key)


def dotted_items(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield all values of a table by dotted name: TOML reads `{ model.units = 64 }` as a table in a table."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from dotted_items(value, dotted(prefix, key))
        else:
            yield dotted(prefix, key), value


def listed(names: Iterable[Any], limit: int = 40) -> str:
    """Join names with commas, at most `limit` of them."""
    texts = [str(name) for name in names]
    more = [f"… ({len(texts) - limit} more)"] if len(texts) > limit else []
    return ", ".join(texts[:limit] + more)


def written(value: Any, limit: int = 100) -> str:
    """Format `value` in TOML, in at most `limit` characters."""
    text = _toml(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _toml(value: Any, depth: int = 0) -> str:
    if depth > 4:
        return "…"
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            shortened = value if len(value) <= 200 else value[:200]
            return '"' + "".join(_escaped(letter) for letter in shortened) + '"'
        case int() if abs(value) >= 10**30:
            return "a whole number of more than 30 digits"
        case float() if math.isnan(value):
            return "nan"
        case Mapping():
            inner = ", ".join(f"{key} = {_toml(item, depth + 1)}" for key, item in list(value.items())[:20])
            return f"{{ {inner} }}" if inner else "an empty table"
        case list() | tuple():
            return "[" + ", ".join(_toml(item, depth + 1) for item in value[:30]) + "]"
        case None:
            return "null"
        case datetime() | date() | time():
            return value.isoformat()
    with suppress(Exception):
        return repr(value)
    return f"a value of type {type(value).__name__}"


def _escaped(letter: str) -> str:
    match letter:
        case '"' | "\\":
            return f"\\{letter}"
        case "\n":
            return "\\n"
    return letter if letter.isprintable() else f"\\u{ord(letter):04x}"

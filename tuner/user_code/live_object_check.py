"""Check that an object of a Python session is a function or class that can be written to a file."""

from __future__ import annotations

import functools
import inspect
from types import FunctionType
from typing import Any

from tuner.errors import ContentError, shown
from tuner.text import with_article
from tuner.user_code.untransferable_value_advice import kinds, what_it_is

_BUILD = "def build(inputs, outputs, *, activation, initializer): …"


def is_live(value: Any) -> bool:
    """Tell whether a value is code, or made by code of a library that a study names by functions and classes."""
    return callable(value) or any(kind.startswith("keras.") for kind in kinds(value))


def check_function(value: Any, key: str) -> None:
    """Refuse what is neither a function with a name nor a class.

    Args:
        value: What `is_live`.
        key: Where it was given, for messages: "model", "search.loss".

    Raises:
        ContentError: With what to write instead.
    """
    model = key.partition(".")[0] == "model"
    if isinstance(value, functools.partial):
        name = getattr(value.func, "__name__", "the function")
        where = '{"model": {…}}' if model else f'{{"{key.rpartition(".")[2]}_options": {{{name}: {{…}}}}}}'
        raise _refused(key, f"a partial of {name}", f"Give {name} itself, and its arguments in search={where}.")
    if model and "keras.Model" in kinds(value):
        given = f"the {type(value).__name__} {getattr(value, 'name', '')!r}"
        step = f"Put the lines that make it into {_BUILD}"
        raise _refused(key, f"{given}, which already exists; each trial must make its own", step)
    if model and isinstance(value, type):
        raise _refused(key, f"the class {value.__name__}", f"Make it in {_BUILD}")
    inner = value if isinstance(value, type) else inspect.unwrap(value)
    if isinstance(inner, FunctionType) and inner.__name__ == "<lambda>":
        raise _refused(key, "a lambda, which has no name of its own", "Write it with def.")
    if any(kind.startswith("keras.") for kind in kinds(value)) and not isinstance(value, type):
        step = "Give its class, or its name in quotes"
        searched = key.startswith("search.")
        step += (
            f", and its arguments in search={{{_options(key)!r}: …}}." if searched else ", or a function of your own."
        )
        raise _refused(key, f"{with_article(type(value).__name__)} that already exists", step)
    if inspect.isasyncgenfunction(inner) or inspect.iscoroutinefunction(inner):
        raise _refused(key, f"the async function {inner.__name__}, which nothing awaits", "Write def, not async def.")
    if not isinstance(inner, FunctionType | type):
        what = what_it_is(value) if not inspect.isbuiltin(value) else f"the built-in {value.__name__}"
        raise _refused(key, what, f"Write a function around it: def {_name(value)}(…).")


def _refused(key: str, given: str, step: str) -> ContentError:
    rule = "a function that builds it" if key.partition(".")[0] == "model" else "a function or class with a name"
    return ContentError(f"`{key}` must be {rule}, but got {given}. {step}")


def _options(key: str) -> str:
    return f"{key.rpartition('.')[2]}_options"


def _name(value: Any) -> str:
    name = getattr(value, "__name__", type(value).__name__)
    return str(name) if str(name).isidentifier() else shown(name)

"""Values as Python: whatever goes into a script goes through one of these, as the database that it is from is data."""

from __future__ import annotations

import ast
import math
import pprint
from typing import Any


def literal(value: Any, width: int | None = None) -> str:
    """Return an expression that evaluates to the value.

    Args:
        value: None, a bool, a number or a text, or a list, tuple or dictionary of them.
        width: Longest line of a list or dictionary, in characters; None for one line.

    Raises:
        TypeError: It is something else.
    """
    _check_plain(value)
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value!r}")'
    if width is not None:
        return pprint.pformat(value, width=width, compact=True, sort_dicts=False)
    return repr(value)


def docstring(text: str) -> str:
    """Return a text as a docstring, its lines as they are."""
    inner = "\n".join("".join(map(_escaped, line)) for line in text.split("\n"))
    if '"""' in inner or inner.endswith('"'):
        inner = inner.replace('"', '\\"')
    return f'"""{inner}"""'


def comment(text: str) -> str:
    """Return a text as a comment of one line."""
    return "# " + "".join(map(_escaped, text))


def source_literal(text: str) -> str:
    """Return an expression that evaluates to the text of a program, with its lines unchanged if possible."""
    for quotes in ("'''", '"""'):
        plain = f"r{quotes}{text}{quotes}"
        if quotes not in text and all(letter.isprintable() or letter in "\n\t\f" for letter in text):
            try:
                if ast.literal_eval(plain) == text:
                    return plain
            except SyntaxError:  # it ends in a quote or a backslash
                continue
    return "".join(["(\n", *(f"    {line!r}\n" for line in text.splitlines(keepends=True)), ")"]) if text else "''"


def _escaped(letter: str) -> str:
    return "\\\\" if letter == "\\" else letter if letter.isprintable() else repr(letter)[1:-1]


def _check_plain(value: Any, inside: bool = False) -> None:
    if isinstance(value, dict | list | tuple):
        for item in (*value, *value.values()) if isinstance(value, dict) else value:
            _check_plain(item, inside=True)
    elif value is not None and type(value) not in (bool, int, float, str):
        raise TypeError(f"a script holds plain values, but got a {type(value).__name__}: {value!r}")
    elif inside and isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"a list in a script holds finite numbers, but got {value!r}")

"""Quoting of text for each target of output, so that names and messages are never interpreted there.

A study name, a layer's name, the message of an exception or a cell of a data file may contain anything.
HTML and Markdown have modules of their own (`html_elements.py`, `report/markdown_escaping.py`), which begin with
`plain`.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import shlex
from collections.abc import Iterable, Sequence
from typing import Any

_ESCAPE_SEQUENCE = re.compile(
    r"""
      (?:\x1b\[ | \x9b) [0-?]* [ -/]* [@-~]                                        # CSI: colors, the cursor
    | (?:\x1b[\]PX^_] | [\x90\x98\x9d-\x9f]) [^\x07\x1b\x90-\x9f]* (?:\x07 | \x1b\\ | \x9c)   # OSC, DCS: titles, links
    | \x1b [ -/]* [0-~]                                                            # all others
    """,
    re.VERBOSE,
)
"""Sequences of ECMA-48 (ISO 6429), of 7 and of 8 bits."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters except tab and line feed, bidirectional controls, and lone surrogates."""

_FORMULA = re.compile(r"[\s=+\-@＝＋－＠]")  # noqa: RUF001  # spreadsheets take the wide ones as well
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:inf|nan)")


def plain(value: Any) -> str:
    r"""Return a text without escape sequences; other control characters become visible, as in `\x07`.

    Line breaks are kept.  A terminal, a browser and an editor show the result verbatim.
    """
    text = _ESCAPE_SEQUENCE.sub("", str(value).replace("\r\n", "\n"))
    return _CONTROL.sub(_visible, text)


def visible_line(value: Any) -> str:
    r"""Return a text as `plain` does, its line breaks visible, too, as `\n`: it begins no line of its own."""
    return plain(value).replace("\n", "\\n")


def one_line(value: Any) -> str:
    """Return a text on one line, without escape sequences and control characters."""
    return " ".join(plain(value).split())


def shell_command(*words: str) -> str:
    """Return a command line that a POSIX shell reads as these words.

    A word with a line break or a control character is written with escapes, so that it can be shown and copied.
    """
    return " ".join(_shell_word(word) for word in words)


def json_text(content: Any) -> str:
    """Return indented JSON; numbers that are not finite become null."""
    return json.dumps(_finite(content), indent=2, allow_nan=False)


def _finite(content: Any) -> Any:
    match content:
        case dict():
            return {key: _finite(value) for key, value in content.items()}
        case list() | tuple():
            return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def python_text(value: str) -> str:
    """Return a text as a Python literal, in double quotes."""
    quoted = (c if c.isprintable() and c not in '"\\' else c.encode("unicode_escape").decode("ascii") for c in value)
    return '"' + "".join('\\"' if c == '"' else c for c in quoted) + '"'


def tuner_command(verb: str, what: str, *options: str) -> str:
    """Return a `tuner` command about a study or a file, to be copied into a shell."""
    if what.startswith("-"):
        return shell_command("tuner", verb, *options, "--", what)
    return shell_command("tuner", verb, what, *options)


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV that no spreadsheet takes for formulas; numbers stay numbers."""
    text = io.StringIO()
    csv.writer(text).writerows([[csv_cell(value) for value in row] for row in rows])
    return text.getvalue()


def csv_cell(value: Any) -> Any:
    """Return a cell of a CSV file: a text that a spreadsheet would take for a formula begins with an apostrophe."""
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        return value
    text = plain(value)
    return f"'{text}" if _FORMULA.match(text) else text


def _shell_word(word: str) -> str:
    if plain(word) == word and "\n" not in word and "\t" not in word:
        return shlex.quote(word)
    escaped = "".join(
        character if " " <= character <= "~" and character not in "\\'" else _bytes(character) for character in word
    )
    return f"$'{escaped}'"


def _bytes(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def _visible(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")

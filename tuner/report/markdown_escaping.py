"""Markdown in which texts of a study stay text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from tuner.text import quoting

_SPECIAL = re.compile(r"[\\`*_\[\]<>|~&@$]|(?<=www)\.|:(?=//)|^(?=[#+=-])")
"""Characters with a meaning in Markdown, and the parts that turn an address into a link."""


def plain(value: Any) -> str:
    """Escape a text for Markdown; line breaks become blanks."""
    escaped = _SPECIAL.sub(r"\\\g<0>", quoting.one_line(value))
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", escaped)  # no list


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], numbers: int = 0) -> str:
    """Return a table of texts, the first `numbers` columns aligned as numbers."""
    lines = [header, ["---:" if at < numbers else "---" for at in range(len(header))], *rows]
    shown = [[cell if at == 1 else plain(cell) for cell in line] for at, line in enumerate(lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in shown)


def fenced(code: str, language: str) -> str:
    """Return a block of code, fenced with more backticks than the code has."""
    code = quoting.plain(code)
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{code.rstrip()}\n{fence}"

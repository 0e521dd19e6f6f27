"""HTML elements whose content is escaped, unless it is HTML that was made here."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

from tuner.text import quoting

_EMPTY = ("meta", "link", "br", "hr", "col")


class Html(str):
    """Markup that was made by `element`; every other text is escaped when it is put into an element."""

    __slots__ = ()


def element(name: str, /, *children: Any, **attributes: Any) -> Html:
    """Return an element.

    Args:
        name: Of the element.
        children: `Html` goes in as it is, any other text or number escaped; None is left out, and what is in a list or
            an iterator comes one after the other.
        attributes: Values are escaped; None and False leave one out, True writes its name alone.  `_` stands for `-`,
            and one at the end is dropped: `class_`, `for_`.
    """
    written = "".join(_attribute(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    if name in _EMPTY:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(children)}</{name}>")


def joined(children: Iterable[Any]) -> Html:
    """Children of an element, one after the other."""
    return Html("".join(_child(child) for child in children))


def _attribute(name: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{_quoted(value)}"'


def _child(child: Any) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    if isinstance(child, str | int | float):
        return _quoted(child, in_attribute=False)
    return joined(child)


def _quoted(value: Any, *, in_attribute: bool = True) -> str:
    """Return a text as text."""
    return html.escape(quoting.plain(value), quote=in_attribute)


def plain_table(
    caption: str, rows: Iterable[Sequence[Any]], header: Sequence[Any] = (), numbers: Sequence[int] = ()
) -> Html:
    """Return a table for a cell of a notebook, which has style sheets of its own.

    Args:
        caption: What it holds.
        rows: The first cell of each is its header.
        header: Names of the columns; none for pairs of name and value.
        numbers: Columns, from 0, that are aligned to the right.
    """

    def cell(kind: str, at: int, content: Any, **more: Any) -> Html:
        return element(kind, content, style=f"text-align: {'right' if at in numbers else 'left'}", **more)

    head = element("thead", element("tr", [cell("th", at, name, scope="col") for at, name in enumerate(header)]))
    body = [
        element("tr", [cell("td" if at else "th", at, one, scope=None if at else "row") for at, one in enumerate(row)])
        for row in rows
    ]
    title = element("caption", caption, style="text-align: left")
    return element("table", title, head if header else None, element("tbody", body))

"""Scripts, sections, tables, lists of facts and code in the pages of the report and the dashboard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tuner.text import Html, element


def script(text: str) -> Html:
    """Return a script element."""
    if "</script" in text.lower():
        raise ValueError("a script must not hold the tag that ends it")
    return Html(f"<script>{text}</script>")


def data(name: str, text: str) -> Html:
    """Embed JSON for scripts, under an id.  No `<` is left in it, so nothing in it can end the element."""
    safe = text.replace("<", "\\u003c")
    return element("script", Html(safe), type="application/json", id=name)


def table(
    caption: str,
    header: Sequence[Any],
    rows: Iterable[Sequence[Any]],
    *,
    numbers: Sequence[int] = (),
    sortable: bool = False,
    stacked: bool = False,
) -> Html:
    """Return a table with a caption, which scrolls if the window is too narrow.

    Args:
        caption: What it holds.
        header: Names of the columns.
        rows: The first cell of each is its header.
        numbers: Columns, from 0, that hold numbers: they are aligned to the right.
        sortable: Whether the names of columns are buttons that sort it, by `data` elements or texts; a long one gets a
            window of its own.
        stacked: Whether a row becomes a block of lines in a narrow window: for tables of sentences.
    """

    def cell(kind: str, at: int, content: Any, **more: Any) -> Html:
        return element(kind, content, class_="number" if at in numbers else None, **more)

    titles = [element("button", name, type="button") for name in header] if sortable else header
    head = element("tr", [cell("th", at, name, scope="col") for at, name in enumerate(titles)])
    names = [{"data_name": name} if stacked else {} for name in header]
    body = [
        element("tr", [cell("td", at, content, **names[at]) if at else cell("th", at, content, scope="row")
                  for at, content in enumerate(row)])
        for row in rows
    ]  # fmt: skip
    parts = (element("caption", caption), element("thead", head), element("tbody", body))
    inner = element("table", *parts, class_="sortable" if sortable else "stacked" if stacked else None)
    return element("div", inner, class_="scroll rows" if sortable else "scroll", tabindex="0", role="region",
                   aria_label=caption)  # fmt: skip


def section(key: str, title: str, body: Sequence[Html]) -> Html:
    """Return a part of a page below its title; `key` is its id."""
    heading = element("h2", title, id=f"{key}-title")
    return element("section", heading, body, id=key, aria_labelledby=f"{key}-title")


def facts(rows: Iterable[tuple[Any, Any]]) -> Html:
    """Return names and values, a line each."""
    return element(
        "dl", [element("div", element("dt", name), element("dd", value)) for name, value in rows], class_="facts"
    )


def code(text: str, label: str) -> Html:
    """Code with a button that copies it."""
    button = element("button", "Copy", type="button", class_="copy", aria_label=f"Copy: {label}")
    return element(
        "div",
        element("p", label, class_="label"),
        button,
        element("pre", element("code", text), tabindex="0"),
        class_="code",
    )

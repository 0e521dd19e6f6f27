"""Write plain content as TOML, with comments."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

import tomlkit
from tomlkit.items import AoT, Array, Item, Table, Trivia, Whitespace

from tuner.text.quoting import plain

WIDTH = 120

_KEY = 30  # room for a key and its equals sign
_NEW_LINE = "\n    "

_Container = TypeVar("_Container", tomlkit.TOMLDocument, Table)


def toml_text(content: Mapping[str, Any], sections: Collection[str], comments: Mapping[str, str] | None = None) -> str:
    """Return the content as TOML, without keys that hold None, as TOML has no null.

    Args:
        content: Tables, lists, texts, numbers, true and false.
        sections: Dotted names of the tables that are written as `[section]`, and of the lists of tables that are
            written as `[[section]]` each; all others are written inline.
        comments: Dotted key → comment above it, of a section below its head, wrapped at `WIDTH` characters.

    Returns:
        The text, with a line break at the end.
    """
    return tomlkit.dumps(_filled(tomlkit.document(), content, "", sections, comments or {})).strip() + "\n"


def _filled(
    table: _Container, content: Mapping[str, Any], prefix: str, sections: Collection[str], comments: Mapping[str, str]
) -> _Container:
    """Return the table with the content added: values first, then the tables of their own."""
    nested: list[tuple[str, Any]] = []
    for key, value in content.items():
        if prefix + key in sections and _is_section(value):
            nested.append((key, value))
        elif value is not None:
            _comment(table, comments.get(prefix + key, ""))
            table.add(key, _item(value, foldable=True))
    for key, value in nested:
        name = prefix + key
        one = isinstance(value, Mapping)
        tables: list[Table] = []
        for each in [value] if one else value:
            section = tomlkit.table()
            if not tables:
                _comment(section, comments.get(name, ""))
            tables.append(_filled(section, each, f"{name}.", sections, comments))
        table.add(key, tables[0] if one else AoT(tables))
    return table


def _is_section(value: Any) -> bool:
    """Return whether the value is a table or a list of tables."""
    return isinstance(value, Mapping) or (
        isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)
    )


def _comment(table: tomlkit.TOMLDocument | Table, text: str) -> None:
    for paragraph in plain(text).splitlines():
        for line in textwrap.wrap(paragraph, WIDTH - 2) or [""]:
            table.add(tomlkit.comment(line))


def _item(value: Any, foldable: bool = False) -> Item:
    """Return a value as it is written inline; an array over several lines if it is `foldable` and long."""
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        table.update({str(key): _item(item) for key, item in value.items() if item is not None})
        return table
    if isinstance(value, list | tuple):
        return _array([_item(item) for item in value], foldable)
    item: Item = tomlkit.item(value)
    return item


def _array(items: Sequence[Item], foldable: bool) -> Array:
    """Return an array of `items`, from its parts: adding to one takes time in proportion to its length."""
    lengths = [len(item.as_string()) + len(", ") for item in items]
    fold = foldable and sum(lengths) > WIDTH - _KEY
    parts: list[Item] = []
    column = WIDTH
    for item, length in zip(items, lengths, strict=True):
        column += length
        if fold and column > WIDTH:
            parts.append(Whitespace(_NEW_LINE))
            column = len(_NEW_LINE) + length
        elif parts:
            parts.append(Whitespace(" "))
        parts += [item, Whitespace(",")]
    return Array([*parts, Whitespace("\n")] if fold else parts[:-1], Trivia())

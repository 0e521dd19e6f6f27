"""Plain content as a TOML text, with comments."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

WIDTH = 120


def toml_text(content: Mapping[str, Any], sections: Collection[str], comments: Mapping[str, str] | None = None) -> str:
    """The content as TOML; keys that hold None are left out, as TOML has no null.

    Args:
        content: Tables, lists, texts, numbers, true and false.
        sections: Dotted names of the tables that are written as `[section]`, and of the lists of tables that are
            written as `[[section]]` each; all others are written in one line.
        comments: Dotted key → what stands above it, in lines of at most `WIDTH` characters.

    Returns:
        The text, with a line break at the end.
    """
    return "\n".join(_table(content, "", sections, comments or {})).strip() + "\n"


def _table(table: Mapping[str, Any], prefix: str, sections: Collection[str], comments: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    inner = [(key, value) for key, value in table.items() if prefix + key in sections and _is_section(value)]
    for key, value in table.items():
        if value is None or (key, value) in inner:
            continue
        lines += _comment(comments.get(prefix + key, ""))
        lines += _assignment(_key(key), value)
    for key, value in inner:
        name = prefix + key
        title = ".".join(_key(part) for part in name.split("."))
        several = not isinstance(value, Mapping)
        for one in value if several else [value]:
            direct = any(not (f"{name}.{k}" in sections and _is_section(item)) for k, item in one.items())
            header = f"[[{title}]]" if several else f"[{title}]"
            lines += ["", *_comment(comments.get(name, ""))]
            lines += [header] if direct or several or not one else []
            lines += _table(one, f"{name}.", sections, comments)
    return lines


def _is_section(value: Any) -> bool:
    """A table, or a list of tables."""
    return isinstance(value, Mapping) or (
        isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)
    )


def _comment(text: str) -> list[str]:
    """The text as comment lines."""
    import textwrap

    return [f"# {line}" for paragraph in text.splitlines() for line in textwrap.wrap(paragraph, WIDTH - 2) or [""]]


def _assignment(key: str, value: Any) -> list[str]:
    line = f"{key} = {_value(value)}"
    if len(line) <= WIDTH or not isinstance(value, list | tuple):
        return [line]
    return [f"{key} = [", *_folded([_value(item) for item in value]), "]"]


def _folded(items: Sequence[str]) -> list[str]:
    lines = [""]
    for item in items:
        if lines[-1] and len(lines[-1]) + len(item) + 6 > WIDTH:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else ''}{item},"
    return [f"    {line}" for line in lines]


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _text(key)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case int():
            return str(value)
        case float():
            return _number(value)
        case Mapping():
            inner = ", ".join(f"{_key(str(key))} = {_value(item)}" for key, item in value.items() if item is not None)
            return f"{{ {inner} }}" if inner else "{}"
        case list() | tuple():
            return f"[{', '.join(_value(item) for item in value)}]"
    raise TypeError(f"TOML has no {type(value).__name__}: {value!r}")


def _number(value: float) -> str:
    """Every digit of the number, as short as it can be: 0.001, but 1e-4 and not 0.0001."""
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    mantissa, _, exponent = repr(value).partition("e")
    if exponent:
        return f"{mantissa}e{int(exponent)}"
    if 0 < abs(value) < 1e-3:
        mantissa, _, exponent = f"{value:.16e}".partition("e")
        return f"{_shortest(value, int(exponent))}e{int(exponent)}"
    return mantissa


def _shortest(value: float, exponent: int) -> str:
    """The shortest mantissa that gives the number again."""
    for digits in range(17):
        mantissa = f"{value:.{digits}e}".partition("e")[0]
        if float(f"{mantissa}e{exponent}") == value:
            return mantissa
    return repr(value / 10.0**exponent)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

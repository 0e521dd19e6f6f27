"""The type of a keyword of a model's function, as far as its source says: the annotation, else the literal default."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tuner.space import Value
from tuner.study.problems import listed, written
from tuner.text import count
from tuner.user_code import Signature

_WORDS = {"int": ("a whole number", "whole numbers"), "float": ("a number", "numbers")}
_WORDS |= {"str": ("a text", "texts"), "bool": ("true or false", "true or false")}
_SEQUENCES = frozenset({"list", "List", "tuple", "Tuple", "Sequence", "MutableSequence", "Iterable", "Collection"})


@dataclass(frozen=True)
class _Kind:
    """One alternative of a type.

    Attributes:
        name: "int", "float", "str", "bool", "null", "literal" or "list".
        items: Alternatives for each item of a list, one entry for all items or one for each; None for anything.
        fixed: Whether `items` has one entry for each item.
        values: The allowed values of a literal.
    """

    name: str
    items: tuple[tuple[_Kind, ...] | None, ...] = (None,)
    fixed: bool = False
    values: tuple[Any, ...] = ()

    def accepts(self, value: Value) -> bool:
        match self.name:
            case "list":
                return isinstance(value, tuple) and self._accepts_items(value)
            case "literal":
                return any(value == one and type(value) is type(one) for one in self.values)
            case "null":
                return value is None
            case "float":
                return isinstance(value, int | float) and not isinstance(value, bool)
        return type(value).__name__ == self.name

    def _accepts_items(self, value: tuple[Any, ...]) -> bool:
        if self.fixed and len(value) != len(self.items):
            return False
        kinds = self.items if self.fixed else self.items * len(value)
        return all(_accepted(item, kind) for item, kind in zip(value, kinds, strict=True))

    def words(self) -> str:
        match self.name:
            case "list" if self.fixed:
                return f"a list of {count(len(self.items), 'value')}"
            case "list":
                items = self.items[0]
                plural = _WORDS[items[0].name][1] if items and len(items) == 1 and items[0].name in _WORDS else None
                return f"a list of {plural}" if plural else "a list"
            case "literal":
                return listed(written(value) for value in self.values)
        return _WORDS[self.name][0]


@dataclass(frozen=True)
class KeywordType:
    """What a keyword takes.

    Attributes:
        source: The annotation or the default, as the file writes it with the keyword: `units: int` or `units=64`.
        annotated: Whether it is an annotation.
    """

    source: str
    annotated: bool
    _kinds: tuple[_Kind, ...]

    def accepts(self, value: Value) -> bool:
        """Return whether the keyword takes this value."""
        return _accepted(value, self._kinds)

    @property
    def words(self) -> str:
        """The type in words, without null, which no study file can give."""
        return " or ".join(kind.words() for kind in self._kinds if kind.name != "null") or "nothing but None"


def keyword_type(model: Signature, keyword: str) -> KeywordType | None:
    """Return the type of a keyword, or None if its source says nothing about it."""
    annotation, default = model.annotations.get(keyword), model.keywords.get(keyword)
    if annotation is not None:
        kinds = _union(_parse(annotation))
        if kinds is None:
            return None
        more = _default_kinds(default) or ()  # `units: int = None` takes None, too
        return KeywordType(f"{keyword}: {annotation}", True, tuple(dict.fromkeys([*kinds, *more])))
    found = _default_kinds(default, generous=True)
    return None if found is None else KeywordType(f"{keyword}={default}", False, found)


def _accepted(value: Value, kinds: tuple[_Kind, ...] | None) -> bool:
    return kinds is None or any(kind.accepts(value) for kind in kinds)


def _default_kinds(source: str | None, *, generous: bool = False) -> tuple[_Kind, ...] | None:
    """Return the kinds of a literal default: of its value alone, or generously of all that it may stand for."""
    try:
        value = None if source is None else ast.literal_eval(source)
    except (ValueError, SyntaxError):
        return None
    if not generous:
        literal = isinstance(value, str | int | float | bool)
        return (_Kind("null"),) if value is None else (_Kind("literal", values=(value,)),) if literal else None
    match value:
        case bool():
            return (_Kind("bool"), _Kind("float"))
        case int() | float():
            return (_Kind("float"), _Kind("bool"))
        case str():
            return (_Kind("str"),)
        case list() | tuple():
            return (_Kind("list"),)
    return None


def _parse(annotation: str) -> ast.expr | None:
    try:
        return ast.parse(annotation, mode="eval").body
    except SyntaxError:
        return None


def _union(node: ast.expr | None) -> tuple[_Kind, ...] | None:
    """Return the alternatives of an annotation, or None if any of them is unknown."""
    found = list(_alternatives(node))
    return None if None in found else tuple(dict.fromkeys(kind for kind in found if kind is not None))


def _alternatives(node: ast.expr | None) -> Iterator[_Kind | None]:
    match node:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield from _alternatives(left)
            yield from _alternatives(right)
        case ast.Constant(value=None):
            yield _Kind("null")
        case ast.Constant(value=str(text)):
            yield from _alternatives(_parse(text))
        case ast.Name() | ast.Attribute() if (name := _name(node)) in _WORDS or name in _SEQUENCES:
            yield _Kind(name if name in _WORDS else "list")
        case ast.Subscript(value=base, slice=inner):
            yield from _subscript(_name(base), inner)
        case _:
            yield None


def _subscript(name: str, inner: ast.expr) -> Iterator[_Kind | None]:
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    match name:
        case "Optional":
            yield from _alternatives(inner)
            yield _Kind("null")
        case "Union":
            for part in parts:
                yield from _alternatives(part)
        case "Annotated":
            yield from _alternatives(parts[0])
        case "Literal" if all(isinstance(part, ast.Constant) for part in parts):
            yield _Kind("literal", values=tuple(part.value for part in parts if isinstance(part, ast.Constant)))
        case "tuple" | "Tuple" if not _has_ellipsis(parts):
            yield _Kind("list", tuple(_union(part) for part in parts), fixed=True)
        case _ if name in _SEQUENCES:
            yield _Kind("list", (_union(parts[0]),))
        case _:
            yield None


def _has_ellipsis(parts: Iterable[ast.expr]) -> bool:
    return any(isinstance(part, ast.Constant) and part.value is ... for part in parts)


def _name(node: ast.expr | None) -> str:
    """Return the last part of a dotted name; "" for anything else."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""

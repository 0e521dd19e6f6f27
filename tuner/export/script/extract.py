"""Copy definitions out of Python files, with what they use, as text."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

_NOT_COPIED = ("tuner", "__future__")


def definitions(file: Path, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Extract functions, classes and constants of a file, and what they use of it.

    Args:
        file: A Python file.
        names: Names that it defines at its top level.

    Returns:
        The import statements that they need, those of our own package left out, and the definitions in their order.
    """
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text)
    nodes = {name: node for node in tree.body for name in bound_by(node) if not _is_import(node)}
    needed = _closure(nodes, names)
    used = {name for name in needed for name in _used_by(nodes[name])}
    imports = [
        ast.unparse(node)
        for node in tree.body
        if _is_import(node) and _module(node) not in _NOT_COPIED and used & set(bound_by(node))
    ]
    chosen = [node for node in tree.body if any(nodes[name] is node for name in needed)]
    return imports, [_source(text, node) for node in chosen]


def bound_by(node: ast.stmt) -> list[str]:
    """Return the names that a top-level statement binds."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=names):
            return [(alias.asname or alias.name).partition(".")[0] for alias in names]
        case ast.ImportFrom(names=names):
            return [alias.asname or alias.name for alias in names]
    return [name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)]


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _module(node: ast.stmt) -> str:
    name = (
        node.module if isinstance(node, ast.ImportFrom) else node.names[0].name if isinstance(node, ast.Import) else ""
    )
    return (name or "").partition(".")[0]


def _closure(nodes: Mapping[str, ast.stmt], names: Iterable[str]) -> list[str]:
    found: list[str] = []
    open_names = list(names)
    while open_names:
        name = open_names.pop()
        if name not in found:
            found.append(name)
            open_names += [other for other in _used_by(nodes[name]) if other in nodes]
    return found


def _used_by(node: ast.stmt) -> set[str]:
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}


def _source(text: str, node: ast.stmt) -> str:
    """Return the source of a statement, decorators included."""
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    return "\n".join(text.split("\n")[first - 1 : node.end_lineno])

"""The model file in a script: as a part of it if possible, else as a module of its own.

A part of the script can be read and edited like the rest.  It shares its names with the script, so it must not use
those of the script, nor ask what it is called; a file that imports others of the project needs modules anyway.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Mapping

from tuner.export.script.literals import literal, source_literal
from tuner.user_code import Helper

MODULE = "keras_studies_model"
"""Name of the model file as a module."""

_ASKS = frozenset({"__name__", "__file__", "__spec__", "__package__", "__loader__", "globals", "locals", "vars", "dir"})
_ASKS_TOO = frozenset({"eval", "exec", "__annotations__", "__builtins__"})


def inline_source(source: str, script: str) -> str | None:
    """Return a model file as a part of a script.

    What only counts at the top of a file (`from __future__ import annotations`), or when it is run as a program, is
    left out.

    Args:
        source: The model file.
        script: All other code of the script.

    Returns:
        None if it would not do there what it does on its own.
    """
    lines, tree = source.split("\n"), ast.parse(source)
    body, lazy = [], False
    for node in tree.body:
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__" and not node.level
        if not future and not _is_program(node):
            body.append(node)
            continue
        if not _alone(node, lines) or (future and [alias.name for alias in node.names] != ["annotations"]):  # type: ignore[attr-defined]
            return None
        lazy = lazy or future
        lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - node.lineno + 1)
    left = ast.Module(body, [])
    if _names_used(left) & (_ASKS | _ASKS_TOO) or _imports_all(left) or (not lazy and _annotates_classes(left)):
        return None
    text = "\n".join(lines)
    return None if _clash(text, left, script) else text


def embedded_source(source: str, path: str, helpers: Mapping[str, Helper]) -> str:
    """Return the definition of `MODULES`, for `ProjectFiles`: a model file and its helpers, as they are."""
    folders = {".".join(name.split(".")[:n]) for name in helpers for n in range(1, name.count(".") + 1)} - {*helpers}
    entries = [(MODULE, path, source, False)]
    entries += [(helper.module, helper.path, helper.text, helper.package) for helper in helpers.values()]
    entries += [(name, name.replace(".", "/"), "", True) for name in sorted(folders)]
    lines = ["MODULES = {"]
    for name, file, text, package in entries:
        lines += [f"    {literal(name)}: ({literal(file)}, {literal(package)}, {source_literal(text)}),"]
    return "\n".join([*lines, "}"])


def _is_program(node: ast.stmt) -> bool:
    """Return whether a statement is `if __name__ == "__main__":` without an `else`."""
    return isinstance(node, ast.If) and not node.orelse and ast.unparse(node.test) == "__name__ == '__main__'"


def _alone(node: ast.stmt, lines: list[str]) -> bool:
    """Return whether a statement shares its lines with comments only."""
    end = (node.end_lineno or node.lineno) - 1
    after = lines[end].encode()[node.end_col_offset or 0 :].decode().strip()
    return not lines[node.lineno - 1].encode()[: node.col_offset].strip() and (not after or after.startswith("#"))


def _names_used(tree: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _imports_all(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names) for node in ast.walk(tree)
    )


def _annotates_classes(tree: ast.Module) -> bool:
    """Return whether a class has annotations, which a script keeps as strings."""
    return any(
        isinstance(inner, ast.AnnAssign)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for inner in node.body
    )


def _clash(model: str, tree: ast.Module, script: str) -> bool:
    """Return whether one of two programs binds a global name that the other one uses differently."""
    ours, theirs = _global_names(script), _global_names(model)
    common = (ours[0] & theirs[1]) | (theirs[0] & ours[1])
    return any(_bindings(tree, name) != _bindings(ast.parse(script), name) for name in common)


def _global_names(source: str) -> tuple[set[str], set[str]]:
    """Return the names that a program binds at its top level, and all that it looks up there."""
    bound, used = set(), set()
    tables = [symtable.symtable(source, "<script>", "exec")]
    while tables:
        table = tables.pop()
        top = table.get_type() == "module"
        for symbol in table.get_symbols():
            if top or symbol.is_global():
                used.add(symbol.get_name())
                if symbol.is_assigned() or symbol.is_imported() or (top and symbol.is_namespace()):
                    bound.add(symbol.get_name())
        tables += table.get_children()
    return bound, used


def _bindings(tree: ast.Module, name: str) -> object:
    """Return what a name is bound to, as far as two programs may share it: by imports alone; else something unequal."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name.partition(".")[0]) == name:
                    origin = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
                    found.add((origin + alias.name, alias.asname))
        elif name in _other_names(node):
            return object()
    return frozenset(found) or object()


def _other_names(node: ast.AST) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return [name]
        case ast.Global(names=names):
            return names
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case ast.MatchMapping(rest=str(name)):
            return [name]
    return []

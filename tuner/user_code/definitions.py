"""Read what a function or class says of itself from its source, without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.errors import ContentError
from tuner.user_code.installed_objects import find_installed
from tuner.user_code.references import Reference, find_file, no_function, parse

_LITERALS = "a number, a string, true or false, None, or a tuple of them"


@dataclass(frozen=True)
class Definition:
    """A function or class of a file.

    Attributes:
        reference: Where it is.
        is_class: Whether it is a class; then the arguments are those of its `__init__`, without `self`.
        required: Arguments without a default, in their order.
        options: Argument → its default, a literal.
        attributes: Name → literal that is assigned to it: in the body of the class, or as `function.name = …` below
            the function.
        summary: First line of its docstring, or "".
    """

    reference: Reference
    is_class: bool
    required: tuple[str, ...]
    options: Mapping[str, Any]
    attributes: Mapping[str, Any]
    summary: str


def read_definition(project: Path, reference: Reference, skip: Iterable[str] = ()) -> Definition:
    """Read a definition; the file is parsed, not run.

    An argument of an installed package whose default is not a literal is not an option.

    Args:
        project: Folder that the reference is relative to.
        reference: File and name.
        skip: Arguments that are no options, whatever their defaults are.

    Raises:
        ContentError: There is no such file or name, or a default is not a literal.
    """
    node: ast.FunctionDef | ast.ClassDef
    if reference.installed:
        installed = find_installed(reference, project)
        tree, node = installed.tree, installed.node
    else:
        tree = parse(find_file(project, reference.path), reference.path)
        found = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef | ast.ClassDef)}
        if reference.function not in found:
            raise _no_definition(tree, reference) or no_function(reference, found)
        node = found[reference.function]
    if (yielded := _yield_line(node)) is not None and not reference.installed:
        raise ContentError(
            f"{reference} is a generator, which computes nothing when it is called: it has a yield (line {yielded}). "
            "Return the value."
        )
    doc = (ast.get_docstring(node) or "").partition("\n")[0]
    required, options = _arguments(node, reference, {*skip})
    attributes = dict(_assigned(tree, node))
    return Definition(reference, isinstance(node, ast.ClassDef), tuple(required), options, attributes, doc)


def _no_definition(tree: ast.Module, reference: Reference) -> ContentError | None:
    """Say what a name of a file is that is neither a function nor a class of it; None if the file has no such name."""
    name = reference.function
    for node in tree.body:
        if isinstance(node, ast.AsyncFunctionDef) and node.name == name:
            return ContentError(
                f"{reference} is an async function, which nothing awaits (line {node.lineno}). Write def without async."
            )
        if name in _assigned_names(node):
            return ContentError(
                f"{reference} is a value that is assigned (line {node.lineno}), but a study names functions and "
                "classes. Write it with def or class."
            )
        if isinstance(node, ast.Import | ast.ImportFrom) and name in [one.asname or one.name for one in node.names]:
            return ContentError(
                f"{reference} is imported (line {node.lineno}), and not defined there. Name the file or the package "
                "that defines it."
            )
    return None


def _assigned_names(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _yield_line(node: ast.FunctionDef | ast.ClassDef) -> int | None:
    """Return the line of a yield of a function, without those of functions in it; None if it has none."""
    waiting: list[ast.AST] = [*node.body] if isinstance(node, ast.FunctionDef) else []
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, ast.Yield | ast.YieldFrom):
            return inner.lineno
        if not isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting += ast.iter_child_nodes(inner)
    return None


def _arguments(
    node: ast.FunctionDef | ast.ClassDef, reference: Reference, skip: set[str]
) -> tuple[list[str], dict[str, Any]]:
    function: ast.stmt | None = node
    if isinstance(node, ast.ClassDef):
        function = next((one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"), None)
    if not isinstance(function, ast.FunctionDef):
        return [], {}
    given = function.args
    places = [*given.posonlyargs, *given.args][isinstance(node, ast.ClassDef) :]
    pairs: list[tuple[ast.arg, ast.expr | None]] = [(one, None) for one in places[: len(places) - len(given.defaults)]]
    pairs += zip(places[len(places) - len(given.defaults) :], given.defaults, strict=True)
    pairs += zip(given.kwonlyargs, given.kw_defaults, strict=True)
    required = [one.arg for one, default in pairs if default is None and one.arg not in skip]
    options = {}
    for one, default in pairs:
        if default is not None and one.arg not in skip:
            try:
                options[one.arg] = _literal(default, one.arg, reference)
            except ContentError:
                if not reference.installed:  # its author cannot be asked for another
                    raise
    return required, options


def _literal(default: ast.expr, name: str, reference: Reference) -> Any:
    text = ast.unparse(default)
    if isinstance(default, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp):
        raise ContentError(
            f"An option of {reference} needs a default that cannot change, but {name}={text} is one object that all "
            f"calls share (line {default.lineno}). Write a tuple, or None."
        )
    try:
        value = ast.literal_eval(default)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise ContentError(
            f"An option of {reference} needs a literal default ({_LITERALS}), but got {name}={text} "
            f"(line {default.lineno}). Write its value."
        ) from None
    if not _plain(value):
        raise ContentError(
            f"The default of an option must be {_LITERALS}, but {reference} has {name}={text} "
            f"(line {default.lineno}). Write one of these."
        )
    return value


def _plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _assigned(tree: ast.Module, node: ast.FunctionDef | ast.ClassDef) -> Iterator[tuple[str, Any]]:
    """Yield the literals that are assigned to attributes of a definition."""
    for statement in node.body if isinstance(node, ast.ClassDef) else tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        for target in targets:
            name = None
            if isinstance(node, ast.ClassDef) and isinstance(target, ast.Name):
                name = target.id
            elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                name = target.attr if target.value.id == node.name else None
            if name is not None:
                try:
                    yield name, ast.literal_eval(statement.value)  # type: ignore[attr-defined]
                except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                    continue

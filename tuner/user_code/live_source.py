"""Find the source of a function or class that is in memory: a notebook cell, a script, an imported file."""

from __future__ import annotations
import __future__

import ast
import linecache
import symtable
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from tuner.errors import ContentError

_FUTURE = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
_FUTURE_ANNOTATIONS = __future__.annotations.compiler_flag
_COMPREHENSIONS = frozenset({"listcomp", "setcomp", "dictcomp", "genexpr"})

Node = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class LiveSource:
    """The source of a function or class.

    Attributes:
        name: Its name in the source.
        text: Its lines with decorators, without the indentation that they have in common.
        node: Its syntax tree.
        early: Global names that are needed when it is defined: in decorators, defaults, bases, the body of a class.
        late: Global names that are needed when it is called.
        chains: Dotted names in it, such as "keras.layers.Dense".
        future_annotations: Whether its file has `from __future__ import annotations`.
        place: Where it is, for messages.
    """

    name: str
    text: str
    node: Node
    early: frozenset[str]
    late: frozenset[str]
    chains: frozenset[str]
    future_annotations: bool
    place: str


def read_live_source(thing: FunctionType | type) -> LiveSource:
    """Find the source of a function or class, as it was when it was defined.

    Raises:
        ContentError: It is not known, or has changed since.
    """
    every = [thing.__code__] if isinstance(thing, FunctionType) else list(_method_codes(thing))
    for filename in dict.fromkeys([*(code.co_filename for code in every), *_session_files(thing)]):
        codes = [code for code in every if code.co_filename == filename]
        lines, flags = _lines(filename, thing), codes[0].co_flags & _FUTURE if codes else 0
        tree = _parsed("".join(lines), filename, flags)
        node = None if tree is None else _find(tree, thing, codes)
        if tree is not None and node is not None:
            _check_unchanged(tree, flags, thing, codes, node)
            return _live_source(node, lines, filename, bool(flags & _FUTURE_ANNOTATIONS))
    raise ContentError(
        f"The source of {thing.__qualname__} is not known: it was defined by exec(), python -c, or a cell that begins "
        "with a magic such as %%time. Define it in a plain cell or a file."
    )


def _method_codes(thing: type) -> Iterator[CodeType]:
    """Yield the code of the methods that stand in the body of a class."""
    for value in vars(thing).values():
        method = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
        if isinstance(method, FunctionType) and method.__qualname__.startswith(f"{thing.__qualname__}."):
            yield method.__code__


def _session_files(thing: Any) -> list[str]:
    """Return where to look for a class without methods of its own: its module's file, and cells, the last first."""
    if isinstance(thing, FunctionType):
        return []
    file = getattr(sys.modules.get(thing.__module__), "__file__", None)
    cells = [name for name, entry in linecache.cache.items() if len(entry) == 4 and entry[1] is None]
    return [*([file] if file else []), *reversed(cells)]


def _lines(filename: str, thing: Any) -> list[str]:
    linecache.checkcache(filename)
    module_globals = getattr(thing, "__globals__", None) or vars(sys.modules.get(thing.__module__, ast))
    return linecache.getlines(filename, module_globals)


def _parsed(text: str, filename: str, flags: int) -> ast.Module | None:
    """Parse a file or cell; IPython lets a cell await at the top."""
    try:
        tree = compile(
            text, filename, "exec", flags | ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
        )
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    # Only definitions are compiled again: other statements of a cell may await.
    return ast.Module([node for node in tree.body if not _awaits(node)], []) if isinstance(tree, ast.Module) else None


def _awaits(node: ast.stmt) -> bool:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return not isinstance(node, kinds) and any(isinstance(one, ast.Await) for one in ast.walk(node))


def _find(tree: ast.Module, thing: FunctionType | type, codes: list[CodeType]) -> Node | None:
    """Find the definition of a function by its first line, that of a class by its methods; the last of several."""
    found: Node | None = None
    for node in ast.walk(tree):
        if isinstance(thing, FunctionType):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == codes[0].co_name:
                found = node if _first_line(node) == codes[0].co_firstlineno else found
        elif isinstance(node, ast.ClassDef) and node.name == thing.__name__:
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            found = node if not codes or codes[0].co_firstlineno in lines else found
    return found


def _first_line(node: Node) -> int:
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])


def _check_unchanged(
    tree: ast.Module, flags: int, thing: FunctionType | type, codes: list[CodeType], node: Node
) -> None:
    """Refuse a source that gives other code than what is in memory.

    IPython compiles a cell statement by statement.  That can give another code than compiling all of it: a call like
    `keras.Input(…)` depends on whether `import keras` is compiled with it.
    """
    alone = [one for one in tree.body if node in ast.walk(one)]
    now = [
        code
        for body in (tree.body, alone)
        for code in _all_codes(compile(ast.Module(body, []), "", "exec", flags, dont_inherit=True))
    ]
    if any(code not in now for code in codes):
        raise ContentError(
            f"The source of {thing.__qualname__} (line {node.lineno}) has changed since it was defined. Run the cell "
            "or script again, or reload the module."
        )


def _all_codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _all_codes(constant)


def _live_source(node: Node, lines: list[str], filename: str, future_annotations: bool) -> LiveSource:
    text = _dedented(node, lines)
    head = "from __future__ import annotations\n" if future_annotations else ""
    early, late = _global_names(symtable.symtable(head + text, filename, "exec"), top=True)
    chains = frozenset(chain for one in ast.walk(node) if isinstance(one, ast.Attribute) and (chain := _chain(one)))
    named = not filename.startswith("<") and Path(filename).is_file()
    place = f"{Path(filename).name}, line {node.lineno}" if named else f"line {node.lineno} of its cell"
    return LiveSource(
        node.name, text, node, frozenset(early - {"annotations"}), frozenset(late), chains, future_annotations, place
    )


def _dedented(node: Node, lines: list[str]) -> str:
    """Return the lines of a definition without its indentation, those within texts of several lines unchanged."""
    inside = {
        line
        for one in ast.walk(node)
        if isinstance(one, ast.JoinedStr) or (isinstance(one, ast.Constant) and isinstance(one.value, str | bytes))
        for line in range(one.lineno + 1, (one.end_lineno or one.lineno) + 1)
    }
    first, last = _first_line(node), node.end_lineno or node.lineno
    indent = node.col_offset
    found = []
    for number in range(first, last + 1):
        line = lines[number - 1]
        margin = 0 if number in inside else min(indent, len(line) - len(line.lstrip(" \t")))
        found.append(line[margin:])
    return "".join(found).rstrip("\n") + "\n"


def _global_names(table: symtable.SymbolTable, top: bool = False) -> tuple[set[str], set[str]]:
    """Return the global names that a scope needs when it is defined, and when it is called.

    Args:
        table: A module, or the body of a class in one.
        top: Whether it is the module.
    """
    early = {
        symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced() and (top or symbol.is_global())
    }
    late: set[str] = set()
    for child in table.get_children():
        if child.get_type() == "class":
            more, later = _global_names(child)
            early, late = early | more, late | later
        elif child.get_name() in _COMPREHENSIONS:
            early |= _called_names(child)
        else:
            late |= _called_names(child)
    return early, late


def _called_names(table: symtable.SymbolTable) -> set[str]:
    own = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
    return own.union(*(_called_names(child) for child in table.get_children()))


def _chain(node: ast.expr) -> str:
    """Return a dotted name, or "" for any other expression."""
    if isinstance(node, ast.Name):
        return node.id
    before = _chain(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{before}.{node.attr}" if before and isinstance(node, ast.Attribute) else ""


def environment(thing: FunctionType | type) -> Mapping[str, Any]:
    """Return what the global names of a function or class mean, its closures included."""
    if isinstance(thing, FunctionType):
        return {**thing.__globals__, **_closure(thing)}
    found = dict(vars(sys.modules.get(thing.__module__, ast)))
    for value in vars(thing).values():
        if isinstance(method := getattr(value, "__func__", value), FunctionType):
            found |= {**method.__globals__, **_closure(method)} if method.__module__ == thing.__module__ else {}
    return found


def _closure(function: FunctionType) -> dict[str, Any]:
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    found.pop("__class__", None)
    return found

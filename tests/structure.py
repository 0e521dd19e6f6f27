"""Measure the structure of a package: cycles, lengths, annotations, docstrings, names.

`python tests/structure.py [PACKAGE_FOLDER]` prints the table of docs/structure.md, for this package or for another one,
installed or not.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "tuner"
LONG_FUNCTION_LINES = 60
ORDER = (
    "errors",
    "registry",
    "untrusted_files",
    "output_files",
    "text",
    "optuna_internals",
    "keras_internals",
    "user_code",
    "space",
    "catalog",
    "data",
    "health",
    "engines",
    "search",
    "trackers",
    "study",
    "storage",
    "protocol",
    "executors",
    "runner",
    "results",
    "export",
    "analysis",
    "serving",
    "refit",
    "worker",
    "report",
    "display",
    "notification",
    "study_handle",
    "api",
    "dashboard",
    "cli",
    "__init__",
    "__main__",
)
"""A unit may import those before it; docs/decisions/0001-layers.md says why in this order."""

GENERIC_STEMS = frozenset({"__init__", "__main__", "base"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One source file.

    Attributes:
        name: Dotted, without the package's own name; empty for the package's `__init__`.
        lines: Number of lines of the file.
    """

    path: Path
    name: str
    tree: ast.Module
    lines: int

    @property
    def unit(self) -> str:
        """Return the first part of the name: the subpackage, or the loose module itself."""
        return self.name.partition(".")[0]

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree: walking the whole package once more takes half a second."""
        return list(ast.walk(self.tree))


@cache
def modules(package: Path = PACKAGE) -> list[Module]:
    """Parse every module of a package, tests of the package left out."""
    found = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        if "tests" in parts or "testing" in parts:
            continue
        text = path.read_text(encoding="utf-8")
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(Module(path, name, ast.parse(text), text.count("\n")))
    return found


def unit_imports(package: Path = PACKAGE) -> dict[str, set[str]]:
    """Map each unit to the other units that it imports, at any depth; imports for type checking only left out."""
    parsed = modules(package)
    units = {module.unit for module in parsed if module.unit}
    imports: dict[str, set[str]] = {unit: set() for unit in units}
    for module in parsed:
        if not module.unit:
            continue
        for target in imported_names(module, package.name):
            unit = target.partition(".")[0]
            if unit in units and unit != module.unit:
                imports[module.unit].add(unit)
    return imports


def unit_cycles(package: Path = PACKAGE) -> list[list[str]]:
    """Return the groups of units that import each other, directly or around (strongly connected, two or more)."""
    imports = unit_imports(package)

    def reachable(start: str) -> set[str]:
        seen: set[str] = set()
        stack = [start]
        while stack:
            for unit in imports[stack.pop()] - seen:
                seen.add(unit)
                stack.append(unit)
        return seen

    reach = {unit: reachable(unit) for unit in imports}
    groups = {tuple(sorted(other for other in reach[unit] if unit in reach[other])) for unit in imports}
    return sorted(list(group) for group in groups if len(group) > 1)


def classes(package: Path = PACKAGE) -> list[tuple[Module, ast.ClassDef, int]]:
    """Return every class with its number of lines."""
    return [
        (module, node, _length(node))
        for module in modules(package)
        for node in module.nodes
        if isinstance(node, ast.ClassDef)
    ]


def functions(package: Path = PACKAGE) -> list[tuple[Module, Function, int]]:
    """Return every function and method with its number of lines."""
    return [
        (module, node, _length(node))
        for module in modules(package)
        for node in module.nodes
        if isinstance(node, Function)
    ]


def annotated_share(package: Path = PACKAGE) -> float:
    """Return the share of arguments that are annotated; `self`, `cls` and those of lambdas left out."""
    wanted = [argument for _, node, _ in functions(package) for argument in _arguments(node)]
    return sum(argument.annotation is not None for argument in wanted) / max(1, len(wanted))


def docstring_share(package: Path = PACKAGE) -> float:
    """Return the share of modules, empty ones left out, that open with a docstring."""
    filled = [module for module in modules(package) if module.tree.body]
    return sum(ast.get_docstring(module.tree) is not None for module in filled) / max(1, len(filled))


def repeated_stems(package: Path = PACKAGE) -> dict[str, list[str]]:
    """Map each file name that stands more than once to its modules."""
    found = defaultdict(list)
    for module in modules(package):
        if module.path.stem not in GENERIC_STEMS:
            found[module.path.stem].append(module.name)
    return {stem: names for stem, names in sorted(found.items()) if len(names) > 1}


def repeated_classes(package: Path = PACKAGE) -> dict[str, list[str]]:
    """Map each public class name that stands more than once to its modules."""
    found = defaultdict(list)
    for module, node, _ in classes(package):
        if not node.name.startswith("_"):
            found[node.name].append(module.name)
    return {name: places for name, places in sorted(found.items()) if len(places) > 1}


def table(package: Path = PACKAGE) -> list[tuple[str, str]]:
    """Return the rows of the table: what is measured, and its value."""
    cycles = unit_cycles(package)
    longest_module = max(modules(package), key=lambda module: module.lines)
    _, longest_class, class_lines = max(classes(package), key=lambda found: found[2])
    long_functions = [node.name for _, node, lines in functions(package) if lines > LONG_FUNCTION_LINES]
    parsed = modules(package)
    return [
        ("modules, lines", f"{len(parsed)}, {sum(module.lines for module in parsed):,}"),
        ("units in import cycles", f"{sum(map(len, cycles))} of {len(unit_imports(package))}"),
        ("longest module, lines", f"{longest_module.lines} ({longest_module.name})"),
        ("longest class, lines", f"{class_lines} ({longest_class.name})"),
        (f"functions over {LONG_FUNCTION_LINES} lines", str(len(long_functions))),
        ("arguments annotated", f"{annotated_share(package):.1%}"),
        ("modules with a docstring", f"{docstring_share(package):.1%}"),
        ("module names that occur twice", str(len(repeated_stems(package)))),
        ("public class names that occur twice", str(len(repeated_classes(package)))),
        ("py.typed", "yes" if (package / "py.typed").exists() else "no"),
    ]


def imported_names(module: Module, package: str) -> Iterator[str]:
    """Yield what a module imports of its own package, dotted and without the package's name."""
    here = module.name.split(".") if module.path.stem == "__init__" else module.name.split(".")[:-1]
    for node in _runtime_nodes(module.tree):
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names if name.name.startswith(f"{package}.")]
            yield from (name.removeprefix(f"{package}.") for name in names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = here[: len(here) - node.level + 1]
                stem = ".".join([*base, *([node.module] if node.module else [])])
            elif node.module == package or (node.module or "").startswith(f"{package}."):
                stem = (node.module or "").removeprefix(package).lstrip(".")
            else:
                continue
            yield from ((f"{stem}.{name.name}" if stem else name.name) for name in node.names)


def _runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk the statements of a tree, without the bodies of `if TYPE_CHECKING:`."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.expr) or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            continue
        yield node
        stack.extend(ast.iter_child_nodes(node))


def _arguments(node: Function) -> list[ast.arg]:
    named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    extra = [argument for argument in (node.args.vararg, node.args.kwarg) if argument is not None]
    return [argument for argument in [*named, *extra] if argument.arg not in ("self", "cls")]


def _length(node: ast.ClassDef | Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


if __name__ == "__main__":
    for label, value in table(Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE):
        print(f"| {label} | {value} |")

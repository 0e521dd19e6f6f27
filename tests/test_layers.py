"""Imports go one way, down the list of units, and across units only front doors are imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from structure import ORDER, PACKAGE, imported_names, modules


@dataclass(frozen=True)
class Import:
    """One import of something of ours.

    Attributes:
        place: File and line.
        unit: The unit that imports.
        target: What is imported, dotted and without `tuner.`: a unit, or a module inside one.
    """

    place: str
    unit: str
    target: str

    @property
    def other(self) -> str:
        """The unit that is imported from."""
        return self.target.partition(".")[0]


def imports() -> Iterator[Import]:
    """Every import of ours, those inside functions and for type checking included."""
    for module in modules():
        for node in module.nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                place = f"{module.path.relative_to(PACKAGE.parent)}:{node.lineno}"
                yield from (Import(place, module.unit or "__init__", target) for target in targets(node))


def targets(node: ast.stmt) -> list[str]:
    """What a statement imports of ours; the bare `import tuner` names no unit."""
    match node:
        case ast.Import(names=names):
            return [name.name.removeprefix("tuner.") for name in names if name.name.startswith("tuner.")]
        case ast.ImportFrom(module="tuner", names=names):
            return [name.name if name.name in ORDER else "__init__" for name in names]
        case ast.ImportFrom(module=str(module)) if module.startswith("tuner."):
            return [module.removeprefix("tuner.")]
    return []


def module_imports() -> dict[str, set[str]]:
    """Map each module to the modules that it imports; front doors are lazy, and stand for themselves."""
    parsed = {module.name: module for module in modules() if module.name}
    return {
        name: {
            target if target in parsed else target.rpartition(".")[0]
            for target in imported_names(module, PACKAGE.name)
            if target in parsed or target.rpartition(".")[0] in parsed
        }
        - {name}
        for name, module in parsed.items()
    }


def test_the_order_names_every_unit():
    units = {path.stem for path in PACKAGE.glob("*.py")} | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert units <= set(ORDER)
    assert set(ORDER) - units <= {"dashboard"}


def test_imports_are_absolute():
    relative = [
        f"{module.path.relative_to(PACKAGE.parent)}:{node.lineno}"
        for module in modules()
        for node in module.nodes
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not relative


def test_imports_go_one_way():
    wrong = [
        f"{found.place}: {found.unit} imports {found.other}, which stands after it"
        for found in imports()
        if ORDER.index(found.other) > ORDER.index(found.unit)
    ]
    assert not wrong


def test_across_units_only_front_doors_are_imported():
    wrong = [
        f"{found.place}: tuner.{found.target} is inside {found.other}"
        for found in imports()
        if found.other != found.unit and "." in found.target
    ]
    assert not wrong


def test_no_two_modules_import_each_other_in_a_circle():
    """Imports inside functions count, those for type checking do not."""
    graph = module_imports()

    def reachable(start: str) -> set[str]:
        seen: set[str] = set()
        stack = [start]
        while stack:
            new = graph[stack.pop()] - seen
            seen |= new
            stack.extend(new)
        return seen

    assert [name for name in graph if name in reachable(name)] == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("import tuner", []),
        ("import tuner.space.space", ["space.space"]),
        ("from tuner import user_code", ["user_code"]),
        ("from tuner import run", ["__init__"]),
        ("from tuner.space import Space", ["space"]),
        ("from tuner.space.space import Space", ["space.space"]),
        ("from tunerlike import x", []),
    ],
)
def test_reads_every_form_of_import(statement, expected):
    assert targets(ast.parse(statement).body[0]) == expected

"""Imports go one way, down the list of units, and across units only front doors are imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tuner"

ORDER = (
    "errors",
    "registry",
    "untrusted_files",
    "text",
    "user_code",
    "space",
    "catalog",
    "data",
    "health",
    "engines",
    "search",
    "study",
    "storage",
    "protocol",
    "executors",
    "runner",
    "results",
    "export",
    "analysis",
    "refit",
    "worker",
    "report",
    "api",
    "dashboard",
    "cli",
    "__init__",
    "__main__",
)
"""A unit may import those before it; docs/decisions/0001-layers.md says why in this order."""


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
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                place = f"{file.relative_to(PACKAGE.parent)}:{node.lineno}"
                yield from (Import(place, parts[0], target) for target in targets(node))


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


def test_the_order_names_every_unit():
    units = {path.stem for path in PACKAGE.glob("*.py")} | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert units <= set(ORDER)
    assert set(ORDER) - units <= {"dashboard"}


def test_imports_are_absolute():
    relative = [
        f"{file.relative_to(PACKAGE.parent)}:{node.lineno}"
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
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

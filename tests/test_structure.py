"""The structure of the package keeps within its limits; docs/structure.md says where they come from."""

from __future__ import annotations

import ast

import pytest
import structure

MAX_MODULE_LINES = 400
MAX_CLASS_LINES = 250


def test_no_units_import_each_other():
    assert structure.unit_cycles() == []


def test_modules_can_be_read_in_one_sitting():
    long = {module.name: module.lines for module in structure.modules() if module.lines > MAX_MODULE_LINES}
    assert not long


def test_classes_hold_one_thing():
    long = {f"{m.name}.{node.name}": lines for m, node, lines in structure.classes() if lines > MAX_CLASS_LINES}
    assert not long


def test_functions_are_short():
    long = {
        f"{module.name}.{node.name}": lines
        for module, node, lines in structure.functions()
        if lines > structure.LONG_FUNCTION_LINES
    }
    assert not long


def test_every_argument_is_annotated():
    assert structure.annotated_share() == 1.0


def test_every_module_has_a_docstring():
    assert structure.docstring_share() == 1.0


def test_no_two_modules_share_a_name():
    assert structure.repeated_stems() == {}


def test_no_two_public_classes_share_a_name():
    assert structure.repeated_classes() == {}


@pytest.fixture
def package(tmp_path):
    """A package of two units that import each other, with everything twice that must not be."""
    root = tmp_path / "house"
    for path, text in {
        "__init__.py": "",
        "a/__init__.py": '"""A."""\n',
        "a/room.py": "from house.b.room import Table\n\nclass Chair:\n    def sit(self, how, hard: bool): ...\n",
        "b/__init__.py": '"""B."""\nfrom ..a import room\n',
        "b/room.py": '"""Room."""\n\nclass Chair: ...\nclass Table: ...\n',
        "c/__init__.py": '"""C."""\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import house.a\n',
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def test_what_is_measured(package):
    assert structure.unit_cycles(package) == [["a", "b"]]
    assert structure.unit_imports(package)["c"] == set()
    assert structure.repeated_stems(package) == {"room": ["a.room", "b.room"]}
    assert structure.repeated_classes(package) == {"Chair": ["a.room", "b.room"]}
    assert structure.annotated_share(package) == 0.5
    assert structure.docstring_share(package) == 0.8


def test_lengths(package):
    (package / "a" / "long.py").write_text('"""L."""\ndef f():\n' + "    x = 1\n" * 70, encoding="utf-8")
    lengths = {node.name: lines for _, node, lines in structure.functions(package)}
    assert lengths == {"sit": 1, "f": 71}
    assert dict(structure.table(package))["functions over 60 lines"] == "1"


def test_the_parser_reads_every_module():
    assert all(isinstance(module.tree, ast.Module) for module in structure.modules())

"""What `setup.cfg` lists is what the tree holds, and the wheel holds it too."""

from __future__ import annotations

import configparser
import zipfile
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def config() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(TREE / "setup.cfg", encoding="utf-8")
    return parser


def folder_of(package: str, config: configparser.ConfigParser) -> Path:
    mapped = dict(line.split(" = ") for line in config["options"]["package_dir"].split("\n") if line)
    return TREE / mapped.get(package, package.replace(".", "/"))


def carried(config: configparser.ConfigParser) -> set[Path]:
    """The files that the wheel must hold."""
    found = set()
    for package in config["options"]["packages"].split():
        folder = folder_of(package, config)
        found |= set(folder.glob("*.py"))
        for pattern in config["options.package_data"].get(package, "").split(","):
            if pattern.strip():
                found |= set(folder.glob(pattern.strip()))
    return found


def files_of(tree: Path) -> set[Path]:
    roots = [tree / name for name in ("tuner", "models", "studies")]
    files = {path for root in roots for path in root.rglob("*") if path.is_file()}
    return {path for path in files if "__pycache__" not in path.parts}


def test_the_list_of_packages_equals_the_tree(config):
    packages = {".".join(path.parent.relative_to(TREE).parts) for path in (TREE / "tuner").rglob("__init__.py")}
    listed = config["options"]["packages"].split()
    assert sorted(listed) == sorted({*packages, "tuner.bundled.models", "tuner.bundled.studies"})


def test_every_file_of_the_tree_is_carried(config):
    left_out = files_of(TREE) - carried(config)
    assert not left_out, "name these in [options.package_data] of setup.cfg"


@pytest.mark.slow
def test_the_wheel_holds_what_the_tree_holds(checkout, wheel):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = set()
    for path in files_of(checkout):
        inside = path.relative_to(checkout).as_posix()
        expected.add(inside if inside.startswith("tuner/") else f"tuner/bundled/{inside}")
    assert names == expected


@pytest.mark.slow
def test_the_wheel_has_the_command_and_the_license(wheel):
    archive = zipfile.ZipFile(wheel)
    (entry_points,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
    assert "tuner = tuner.cli:main" in archive.read(entry_points).decode()
    (license_file,) = [name for name in archive.namelist() if name.endswith("LICENSE")]
    assert archive.read(license_file).startswith(b"MIT License")

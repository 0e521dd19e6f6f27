"""A wheel of this tree, built once, and environments that borrow the packages of the running one."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

import pytest
from environments import pip

TREE = Path(__file__).parents[2]
OURS = ("tuner", "keras_studies", "__editable__", "__pycache__")
"""What the running environment may hold of this project: no borrowed environment may see it."""


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a build reads: building writes into the tree, and old output must not be carried."""
    copy = tmp_path_factory.mktemp("checkout") / "keras-studies"
    copy.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(TREE / name, copy)
    for name in ("tuner", "models", "studies"):
        shutil.copytree(TREE / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="session")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built without a network: setuptools is in the `test` extra."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(checkout))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def borrowed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every installed package but this project: TensorFlow is not installed again for a test."""
    folder = tmp_path_factory.mktemp("borrowed")
    for root in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(root).iterdir():
            if not entry.name.startswith(OURS):
                (folder / entry.name).symlink_to(entry)
    return folder

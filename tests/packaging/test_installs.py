"""The ways to have the package: a checkout, from inside or by its path, an editable install, a wheel."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from environments import environment

from tuner import __version__

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Installed:
    """A way to have the package.

    Attributes:
        command: What stands before the arguments of `tuner`.
        python: The interpreter.
        env: Environment variables of both.
        package: Where `tuner` must be imported from.
        folder: Where it is used: an empty folder, or a checkout.
    """

    command: tuple[str, ...]
    python: Path
    env: dict[str, str]
    package: Path
    folder: Path

    def __call__(self, *arguments: str) -> str:
        """Standard output of `tuner …`, which must succeed."""
        return self._output(*self.command, *arguments)

    def imported_from(self) -> Path:
        """Folder that `import tuner` finds."""
        return Path(self._output(str(self.python), "-c", "import tuner; print(tuner.__file__)").strip()).parent

    def _output(self, *command: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def _inside(bin_: Path, checkout: Path) -> tuple[tuple[str, ...], dict[str, str], Path]:
    return (str(bin_ / "python"), "-m", "tuner"), {}, checkout / "tuner"


def _path(bin_: Path, checkout: Path) -> tuple[tuple[str, ...], dict[str, str], Path]:
    return (str(bin_ / "python"), "-m", "tuner"), {"PYTHONPATH": str(checkout)}, checkout / "tuner"


def _editable(bin_: Path, checkout: Path) -> tuple[tuple[str, ...], dict[str, str], Path]:
    return (str(bin_ / "tuner"),), {}, checkout / "tuner"


def _wheel(bin_: Path, checkout: Path) -> tuple[tuple[str, ...], dict[str, str], Path]:
    (packages,) = (bin_.parent / "lib").glob("python*/site-packages")
    return (str(bin_ / "tuner"),), {}, packages / "tuner"


WAYS: dict[str, Callable[[Path, Path], tuple[tuple[str, ...], dict[str, str], Path]]] = {
    "inside": _inside,
    "path": _path,
    "editable": _editable,
    "wheel": _wheel,
}


@pytest.fixture(scope="module", params=list(WAYS))
def tuner(request, checkout, borrowed, tmp_path_factory) -> Installed:
    """The package, had in one of the ways."""
    way = request.param
    root = tmp_path_factory.mktemp(way)
    installed = {"inside": (), "path": (), "editable": ("--editable", str(checkout))}.get(way)
    if installed is None:
        installed = (str(request.getfixturevalue("wheel")),)
    bin_ = environment(root / "venv", borrowed, *installed)
    command, own_env, package = WAYS[way](bin_, checkout)
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TUNER_", "VIRTUAL"))}
    folder = root / "folder"
    if way == "inside":
        shutil.copytree(checkout, folder)
        package = folder / "tuner"
    else:
        folder.mkdir()
    return Installed(command, bin_ / "python", outer | own_env, package, folder)


def test_it_is_the_package_under_test(tuner):
    assert tuner.imported_from().resolve() == tuner.package.resolve()


def test_it_says_its_version(tuner):
    assert tuner("--version") == f"tuner, version {__version__}\n"


def test_check_reads_a_carried_study_and_writes_nothing(tuner):
    before = sorted(tuner.folder.iterdir())
    explained = json.loads(tuner("check", "studies/digits.toml", "--json"))
    assert explained["ok"]
    assert explained["model"] == "models/mlp.py:build"
    assert sorted(tuner.folder.iterdir()) == before


def test_run_trains_a_carried_study_with_a_carried_model(tuner):
    before = set(tuner.folder.iterdir())
    arguments = ("--trials", "2", "--epochs", "1", "--workers", "1", "--json")
    result = json.loads(tuner("run", "studies/digits.toml", *arguments))
    assert sum(result["counts"][state] for state in ("complete", "diverged")) == 2
    assert result["best"]["value"] > 0.1
    assert set(tuner.folder.iterdir()) - before == {tuner.folder / "runs"}

"""Files that a model file imports of its project, and code that only a database names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner import user_code
from tuner.errors import CodeError, ContentError, StudyFileError
from tuner.study import difference, fingerprint, read_study_dict
from tuner.user_code import Reference

MODEL = """import json
import keras
from models.blocks import width


def build(inputs, outputs, *, activation, initializer):
    return width()
"""
FILES = {
    "models/net.py": MODEL,
    "models/blocks.py": "def width():\n    from shared import sizes\n    return sizes.WIDTH\n",
    "shared/__init__.py": "from . import deep\n",
    "shared/deep.py": "",
    "shared/sizes.py": "WIDTH = 3\n",
    "shared/unused.py": "raise SystemExit\n",
    "json.py": "raise SystemExit('a file of the project hides a library')\n",
}
HELPERS = ["models/blocks.py", "shared/__init__.py", "shared/deep.py", "shared/sizes.py"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        write(tmp_path, path, text)
    return tmp_path


def write(project: Path, path: str, text: str) -> None:
    (project / path).parent.mkdir(parents=True, exist_ok=True)
    (project / path).write_text(text, encoding="utf-8")


def test_helpers_are_found_through_each_other_without_running_any(project: Path) -> None:
    assert sorted(user_code.helper_hashes(project, "models/net.py")) == HELPERS
    assert user_code.helper_hashes(project, "models/mlp.py") == {}
    write(project, "models/blocks.py", "from models import net\nimport models.blocks\n")
    assert sorted(user_code.helper_hashes(project, "models/net.py")) == ["models/blocks.py", "models/net.py"]


def test_helpers_are_loaded_as_they_are_now(project: Path) -> None:
    """In any process: the project need not be a place where Python looks for modules, nor be the last one loaded."""
    net = Reference("models/net.py", "build")
    assert user_code.load(project, net)(1, 2, activation="relu", initializer=None) == 3
    write(project, "shared/sizes.py", "WIDTH = 4\n")
    assert user_code.load(project, net)(1, 2, activation="relu", initializer=None) == 4
    other = project / "other"
    write(other, "models/net.py", MODEL)
    write(other, "models/blocks.py", "def width():\n    return 5\n")
    assert user_code.load(other, net)(1, 2, activation="relu", initializer=None) == 5
    assert user_code.load(project, net)(1, 2, activation="relu", initializer=None) == 4


def test_a_helper_that_has_changed_is_refused(project: Path) -> None:
    net = Reference("models/net.py", "build")
    digest, hashes = user_code.sha256(project / "models/net.py"), user_code.helper_hashes(project, "models/net.py")
    assert user_code.load(project, net, digest, hashes)(1, 2, activation="relu", initializer=None) == 3
    write(project, "shared/sizes.py", "WIDTH = 4\n")
    with pytest.raises(ContentError, match=r"shared/sizes\.py has changed since the study was started"):
        user_code.load(project, net, digest, hashes)
    with pytest.raises(ContentError, match=r"models/blocks\.py is imported by the study.s code, but was not when"):
        user_code.load(project, net, digest, {})
    (project / "shared/sizes.py").unlink()
    with pytest.raises(ContentError, match=r"shared/sizes\.py was imported by the study.s code when it was started"):
        user_code.load(project, net, digest, hashes)


def test_helpers_are_part_of_the_setup(project: Path) -> None:
    study = {"name": "s", "model": "models/net.py", "data": {"source": "iris"}}
    before = fingerprint(read_study_dict(study, project))
    write(project, "shared/sizes.py", "WIDTH = 4\n")
    write(project, "models/blocks.py", "from shared.sizes import WIDTH\n\n\ndef width():\n    return WIDTH\n")
    write(project, "shared/__init__.py", "")
    now = fingerprint(read_study_dict(study, project))
    lines = difference(before, now)
    assert [line.partition(",")[0] for line in lines] == [f"the content of {path}" for path in HELPERS]
    assert lines[2].endswith(" before, not used now (sha256)")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("from models.block import width", r"imports models\.block \(line 1\), but there is no models/block\.py in"),
        ("import models.block", r"there is no models/block\.py in"),
        ("import blocks", r"module names start at the project folder: import models\.blocks instead"),
    ],
)
def test_a_helper_that_is_not_there_is_said_by_check(project: Path, line: str, message: str) -> None:
    write(project, "models/net.py", f"{line}\n\n\ndef build(inputs, outputs, *, activation, initializer):\n    pass\n")
    with pytest.raises(StudyFileError, match=message):
        read_study_dict({"name": "s", "model": "models/net.py", "data": {"source": "iris"}}, project)


@pytest.mark.parametrize(
    "line",
    ["import keras.layers", "from models import blocks", "import not_installed_here", "from models.blocks import *"],
)
def test_what_may_be_there_is_not_judged(project: Path, line: str) -> None:
    write(project, "models/net.py", f"{line}\n\n\ndef build(inputs, outputs, *, activation, initializer):\n    pass\n")
    assert user_code.missing_helper(project, "models/net.py") is None


class TestNamedCode:
    REFERENCE = Reference("scripts/deploy.py", "wipe")

    def test_code_that_only_a_database_names_is_refused(self, project: Path) -> None:
        with pytest.raises(
            CodeError, match=r"only the database or the exported file names 'scripts/deploy\.py:wipe'.*--code scripts"
        ):
            user_code.check_named(project, self.REFERENCE)

    @pytest.mark.parametrize("name", ["scripts/deploy.py:wipe", "scripts/deploy.py"])
    def test_the_caller_may_name_it(self, project: Path, name: str) -> None:
        user_code.check_named(project, self.REFERENCE, [name])
        with pytest.raises(CodeError):
            user_code.check_named(project, self.REFERENCE, ["scripts/deploy.py:other", "deploy.py"])

    def test_code_of_the_package_needs_no_name(self, project: Path) -> None:
        user_code.check_named(project, Reference("studies/digits_for_transfer.py", "low"))
        user_code.check_named(project, Reference("models/mlp.py", "build"))
        write(project, "models/mlp.py", "def build(): ...\n")  # this one is the project's own
        with pytest.raises(CodeError):
            user_code.check_named(project, Reference("models/mlp.py", "build"))

    @pytest.mark.parametrize(
        ("file", "text", "path", "function"),
        [
            ("studies/a.toml", 'model = "models/net.py"\n[data]\nsource = "mine.py:rows"', "models/net.py", "build"),
            ("a.toml", '[data]\nsource = "mine.py"\ntest = "late.py:load"', "mine.py", "load"),
            ("a.yaml", "data:\n  source: x.csv\n  validation: late.py:more\n", "late.py", "more"),
        ],
    )
    def test_study_files_of_the_project_name_code(
        self, project: Path, file: str, text: str, path: str, function: str
    ) -> None:
        write(project, file, text)
        write(project, "studies/b.toml", "this is [ no TOML")
        write(project, "studies/c.yml", "a: [")
        write(project, "studies/d.toml", 'model = "../outside.py"\ndata = 3')
        user_code.check_named(project, Reference(path, function))
        with pytest.raises(CodeError):
            user_code.check_named(project, Reference(path, f"{function}_other"))

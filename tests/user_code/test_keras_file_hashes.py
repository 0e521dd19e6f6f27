"""A saved model that a keyword of the model names belongs to the setup of the study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tuner import user_code
from tuner.errors import ContentError, StudyFileError
from tuner.study import fingerprint, read_study_dict, resolve_recipe
from tuner.study.study_fingerprint import difference
from tuner.user_code import Reference

MODEL = "def build(inputs, outputs, *, activation, initializer, body, others=None):\n    return body, others\n"
NET = Reference("net.py", "build")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "bodies").mkdir()
    (tmp_path / "net.py").write_text(MODEL, encoding="utf-8")
    (tmp_path / "bodies" / "a.keras").write_bytes(b"a")
    (tmp_path / "bodies" / "b.keras").write_bytes(b"b")
    return tmp_path


def study(**keywords: Any) -> dict[str, Any]:
    search = {"learning_rate": [0.01, 0.1], "model": keywords}
    return {"name": "s", "model": "net.py", "data": {"source": "iris"}, "search": search}


def test_a_changed_file_is_a_difference(project: Path) -> None:
    before = fingerprint(read_study_dict(study(body=["bodies/a.keras", "bodies/b.keras"]), project))
    (project / "bodies" / "b.keras").write_bytes(b"c")
    now = fingerprint(read_study_dict(study(body=["bodies/a.keras", "bodies/b.keras"]), project))
    (line,) = difference(before, now)
    assert line.startswith("the content of bodies/b.keras, which the model uses: 3e23e8160039 before, 2e7d2c03a950 now")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("bodies/c.keras", r"There is no file 'bodies/c\.keras' in .*\. Save the model there"),
        ("../a.keras", r"must stay in the project, as in 'bodies/digits\.keras', but got '\.\./a\.keras'"),
    ],
)
def test_a_path_that_cannot_be_used_is_said_by_check(project: Path, path: str, message: str) -> None:
    with pytest.raises(StudyFileError, match=message):
        read_study_dict(study(body=path), project)


def test_the_model_gets_full_paths_of_files_that_are_unchanged(project: Path) -> None:
    spec = read_study_dict(study(body="bodies/a.keras", others=[["bodies/b.keras", "no path"]]), project)
    model = resolve_recipe(spec, {"learning_rate": 0.1}, 0).model
    build = user_code.load(project, NET, model.sha256, model.helpers)
    body, others = build((1,), 1, activation="relu", initializer="zeros", **model.options)
    assert (body, others) == (f"{project}/bodies/a.keras", [f"{project}/bodies/b.keras", "no path"])
    (project / "bodies" / "a.keras").write_bytes(b"another")
    with pytest.raises(ContentError, match=r"bodies/a\.keras has changed since the study was started .*Restore the"):
        user_code.load(project, NET, model.sha256, model.helpers)

"""`tuner new`: a project that runs as it is."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from tuner.errors import ContentError
from tuner.study import read_study
from tuner.study.scaffold import new_project


def test_a_new_project_holds_a_good_study(tmp_path: Path) -> None:
    made, kept = new_project(tmp_path / "a" / "b")
    assert kept == []
    assert {str(path.relative_to(tmp_path / "a" / "b")) for path in made} == {
        "studies/first.toml", "models/mlp.py", ".gitignore",
    }  # fmt: skip
    spec = read_study(tmp_path / "a" / "b" / "studies" / "first.toml")
    assert spec.project == tmp_path / "a" / "b"
    assert spec.advice == ()
    assert {dimension.name for dimension in spec.space.searched} >= {
        "loss",
        "optimizer",
        "learning_rate",
        "model.units",
    }


def test_files_that_are_there_are_kept(tmp_path: Path) -> None:
    new_project(tmp_path)
    own = tmp_path / "models" / "mlp.py"
    own.write_text("mine", encoding="utf-8")
    (tmp_path / ".gitignore").unlink()
    made, kept = new_project(tmp_path)
    assert made == [tmp_path / ".gitignore"]
    assert kept == [tmp_path / "studies" / "first.toml", own]
    assert own.read_text(encoding="utf-8") == "mine"


def test_a_file_of_other_bytes_is_kept(tmp_path: Path) -> None:
    own = tmp_path / "models" / "mlp.py"
    own.parent.mkdir()
    own.write_bytes(b"# in Latin-1: \xe9\n")
    _, kept = new_project(tmp_path)
    assert kept == [own]
    assert own.read_bytes() == b"# in Latin-1: \xe9\n"


@pytest.mark.parametrize("file", ["studies/first.toml", "models/mlp.py", ".gitignore"])
def test_a_folder_in_place_of_a_file_is_refused_before_anything_is_written(tmp_path: Path, file: str) -> None:
    (tmp_path / file).mkdir(parents=True)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(ContentError, match=f"must be a file, but .*{file} is a folder. Rename it"):
        new_project(tmp_path)
    assert set(tmp_path.rglob("*")) == before


def test_a_full_disk_leaves_no_part_of_a_file(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(
            ContentError, match=rf"{tmp_path}/studies/first\.toml cannot be written: File too large\. Ch"
        ):
            new_project(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert new_project(tmp_path)[1] == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "studies").write_text("a file", encoding="utf-8")
    with pytest.raises(ContentError, match=rf"{tmp_path}/studies cannot be written: .*Choose another folder"):
        new_project(tmp_path)
    with pytest.raises(ContentError, match="ffff.* cannot be written: File name too long. Choose another folder"):
        new_project(tmp_path / ("f" * 300))
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ContentError, match=r"loop.* cannot be written: .*Choose another folder"):
        new_project(tmp_path / "loop")

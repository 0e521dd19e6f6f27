"""Whether rows are images is guessed without reading them, and never fails."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tuner.data import looks_like_images


@pytest.mark.parametrize(("shape", "images"), [((5, 4), False), ((5,), False), ((5, 8, 8), True), ((5, 8, 8, 1), True)])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_says_it_in_its_header(tmp_path: Path, shape: tuple[int, ...], images: bool, save) -> None:
    save(tmp_path / "rows.npz", x=np.zeros(shape, np.float32), y=np.zeros(5))
    assert looks_like_images("rows.npz", tmp_path) == images
    assert looks_like_images(str(tmp_path / "rows.npz"), Path("elsewhere")) == images


def test_a_folder_holds_images(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    assert looks_like_images("photos", tmp_path)


@pytest.mark.parametrize("text", ["digits", "rows.csv", "data.py:load", "none.npz", "", "a\0b", "x" * 5000])
def test_names_of_other_sources(tmp_path: Path, text: str) -> None:
    assert not looks_like_images(text, tmp_path / "project")


def test_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no archive", encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "other.npz", "w") as archive:
        archive.writestr("z.npy", b"")
    with zipfile.ZipFile(tmp_path / "header.npz", "w") as archive:
        archive.writestr("x.npy", b"no header")
    np.savez_compressed(tmp_path / "damaged.npz", x=np.zeros((50, 8, 8)), y=np.zeros(50))
    content = bytearray((tmp_path / "damaged.npz").read_bytes())
    content[40:60] = bytes(20)  # in the compressed header of x
    (tmp_path / "damaged.npz").write_bytes(content)
    os.mkfifo(tmp_path / "pipe.npz")
    assert not any(
        looks_like_images(f"{name}.npz", tmp_path) for name in ("text", "other", "header", "damaged", "pipe")
    )

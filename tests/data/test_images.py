"""Folders of images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tuner.catalog import Task
from tuner.data import PreparedData
from tuner.errors import DataError

Draw = Callable[..., None]


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """Save one image of a class; its pixels all have the value `level`."""

    def save(kind: str, name: str, level: Any, mode: str = "L", size: tuple[int, int] = (6, 4)) -> None:
        (tmp_path / "pictures" / kind).mkdir(parents=True, exist_ok=True)
        Image.new(mode, size, level).save(tmp_path / "pictures" / kind / name)

    return save


@pytest.fixture
def grey(draw: Draw) -> None:
    for level in range(10):
        draw("cat", f"{level}.png", level)
        draw("dog", f"{level}.png", 100 + level)


def test_a_folder_of_grey_images(grey: None, prepared: Callable[..., PreparedData]) -> None:
    result = prepared("pictures", scale="none")
    facts = result.facts
    assert (facts.task, facts.classes, facts.input_shape) == (Task.BINARY, ("cat", "dog"), (4, 6, 1))
    train = result.splits[0].train
    assert (train.x[:, 0, 0, 0] >= 100).tolist() == train.y[:, 0].tolist()
    assert facts.rows == {"train": 12, "validation": 4, "test": 4}


def test_colour_wins_where_kinds_differ(grey: None, draw: Draw, prepared: Callable[..., PreparedData]) -> None:
    draw("cat", "colour.png", (1, 2, 3), mode="RGB")
    assert prepared("pictures").facts.input_shape == (4, 6, 3)


def test_shape_brings_images_to_one_size(grey: None, draw: Draw, prepared: Callable[..., PreparedData]) -> None:
    draw("cat", "large.png", (10, 20, 30), mode="RGB", size=(9, 9))
    with pytest.raises(DataError, match=r"one size, but .* has 6 x 4 pixels and cat/large.png 9 x 9 .*Set `shape`"):
        prepared("pictures")
    assert prepared("pictures", shape=[5, 7, 3]).facts.input_shape == (5, 7, 3)


@pytest.mark.parametrize(
    ("shape", "step"),
    [([5, 7], "[5, 7, 1]"), ([5, 7, 2], "[5, 7, 1]"), ([3, 5, 7], "[5, 7, 3]"), ([9], "[4, 6, 1]")],
)
def test_a_shape_that_is_not_of_an_image(
    shape: list[int], step: str, grey: None, prepared: Callable[..., PreparedData]
) -> None:
    words = f"channels] with 1, 3 or 4 channels, but got {shape} and the first image of pictures has [4, 6, 1]. Write "
    with pytest.raises(DataError) as caught:
        prepared("pictures", shape=shape)
    assert f"{words}shape = {step}." in str(caught.value)


def test_other_files_are_counted(grey: None, tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    (tmp_path / "pictures" / "cat" / "notes.txt").write_text("hello")
    (tmp_path / "pictures" / ".hidden").mkdir()
    assert any("1 file of pictures has no image suffix" in note for note in prepared("pictures").facts.notes)


def test_folders_inside_a_class_are_named(grey: None, tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    (tmp_path / "pictures" / "cat" / "2024").mkdir()
    note = "1 folder inside the folders of classes of pictures was left out: cat/2024. Move"
    assert any(note in found for found in prepared("pictures").facts.notes)


def test_unreadable_images_are_named(grey: None, tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    picture = tmp_path / "pictures" / "dog" / "3.png"
    whole = picture.read_bytes()
    for broken in (b"", b"\x00" * 40, whole[: len(whole) // 2], whole[:50]):
        picture.write_bytes(broken)
        with pytest.raises(DataError, match=r"dog/3.png in pictures must be an image.*Replace or remove it"):
            prepared("pictures")


def test_sixteen_bits_are_refused(grey: None, draw: Draw, prepared: Callable[..., PreparedData]) -> None:
    draw("cat", "deep.png", 60000, mode="I;16")
    with pytest.raises(DataError, match=r"8 bits per channel, but cat/deep.png is of mode I;16"):
        prepared("pictures")


def test_empty_folders_are_refused(grey: None, tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    (tmp_path / "pictures" / "bird").mkdir()
    with pytest.raises(DataError, match="pictures/bird holds none"):
        prepared("pictures")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match="one subfolder of images per class, but nothing holds none"):
        prepared("nothing")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_that_is_left_out_is_said(
    mode: str, tmp_path: Path, prepared: Callable[..., PreparedData]
) -> None:
    for kind, columns in (("left", slice(0, 2)), ("right", slice(4, 6))):
        (tmp_path / "icons" / kind).mkdir(parents=True)
        alpha = np.zeros((4, 6), np.uint8)
        alpha[:, columns] = 255
        for number in range(10):
            pixels = np.dstack([np.zeros((4, 6, 3), np.uint8), alpha])
            image = Image.fromarray(pixels)
            image = image.quantize(4) if mode == "P" else image.convert(mode)
            image.save(tmp_path / "icons" / kind / f"{number}.png")
    facts = prepared("icons").facts
    assert any("20 of 20 images of icons are transparent in places" in note for note in facts.notes)
    assert any("set shape = [4, 6, 4]" in note for note in facts.notes)
    kept = prepared("icons", shape=[4, 6, 4], scale="none")
    assert not any("transparent" in note for note in kept.facts.notes)
    assert set(np.unique(kept.splits[0].train.x[..., 3])) == {0, 255}


def test_an_alpha_channel_without_transparency_is_not_spoken_of(
    draw: Draw, prepared: Callable[..., PreparedData]
) -> None:
    for level in range(10):
        draw("cat", f"{level}.png", (level, 0, 0, 255), mode="RGBA")
        draw("dog", f"{level}.png", (0, level, 9, 255), mode="RGBA")
    assert not any("transparent" in note for note in prepared("pictures").facts.notes)

"""The saved file is whole or not there, and what could not be written is refused before any training."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tuner.errors import UsageError
from tuner.output_files import check_folder, check_output, get_umask, publish, publish_folder, write_text_file


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("model.h5", r"must end in \.keras, but got"),
        ("model", r"must end in \.keras, but got"),
        ("nowhere/model.keras", "folder of the file must exist, but .*nowhere does not"),
        ("there.keras", "already exists"),
        ("folder.keras", "is a folder"),
        ("m" * 300 + ".keras", "cannot be written: File name too long. Name another file"),
        ("m" * 300 + "/model.keras", "cannot be written: File name too long. Name another file"),
    ],
)
def test_what_cannot_be_written(name, rule, tmp_path):
    (tmp_path / "there.keras").write_text("mine", encoding="utf-8")
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(UsageError, match=rule):
        check_output(tmp_path / name, (".keras",), force=False)
    check_output(tmp_path / "there.keras", (".keras",), force=True)
    check_output(tmp_path / "new.keras", (".keras",), force=False)
    check_output(tmp_path / "anything", (), force=False)


def test_a_folder_without_permission_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UsageError, match=f"The folder {tmp_path} cannot be written"):
        check_output(Path("model.keras"), (".keras",), force=False)
    with pytest.raises(UsageError, match=f"The folder {tmp_path} cannot be written"):
        check_folder(Path("model"), "sign", force=False)


def test_a_name_as_long_as_the_system_allows(tmp_path):
    file, folder = tmp_path / ("f" * 250 + ".html"), tmp_path / ("d" * 255)
    write_text_file(file, "page")
    assert file.read_text(encoding="utf-8") == "page"
    made = tmp_path / "made"
    made.mkdir()
    check_folder(folder, "sign", force=False)
    publish_folder(made, folder)
    assert folder.is_dir()
    too_long = tmp_path / ("d" * 256)
    with pytest.raises(UsageError, match="too long. Name another folder"):
        check_folder(too_long, "sign", force=False)
    with pytest.raises(UsageError, match="too long. Name another file"):
        write_text_file(too_long, "page")


def test_a_device_needs_no_folder_that_can_be_written(monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    check_output(Path(os.devnull), (), force=True)


def test_a_file_takes_its_place_at_once(tmp_path):
    made, file = tmp_path / "made", tmp_path / "model.keras"
    made.write_bytes(b"new")
    file.write_bytes(b"old")
    publish(made, file)
    assert file.read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "model.keras"]
    assert file.stat().st_mode & 0o444 == 0o444 & ~get_umask()


def test_where_it_fails_nothing_is_left(tmp_path, monkeypatch):
    made, file = tmp_path / "made", tmp_path / "model.keras"
    made.write_bytes(b"new")
    file.write_bytes(b"old")

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tuner.output_files.shutil.copyfile", full)
    with pytest.raises(UsageError, match="cannot be written: No space left"):
        publish(made, file)
    assert file.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "model.keras"]


def test_files_are_private_while_the_umask_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    masks: list[int] = []
    setting = os.umask

    def record(mask: int) -> int:
        masks.append(mask)
        return setting(mask)

    before = setting(0o022)
    try:
        monkeypatch.setattr(os, "umask", record)
        assert get_umask() == 0o022
    finally:
        setting(before)
    assert masks == [0o077, 0o022]


def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path: Path) -> None:
    """A private file was readable for all after `--force`."""
    file = tmp_path / "best.json"
    file.write_text("old", encoding="utf-8")
    for mode in (0o600, 0o664):
        file.chmod(mode)
        write_text_file(file, "new")
        assert file.stat().st_mode & 0o777 == mode
        publish(file, file.with_suffix(".keras"))
        assert file.with_suffix(".keras").stat().st_mode & 0o777 == 0o666 & ~get_umask()


def test_texts_go_into_pipes_and_through_links(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    try:
        write_text_file(Path(f"/proc/self/fd/{writing}"), "one")
        assert os.read(reading, 10) == b"one"
    finally:
        os.close(reading)
        os.close(writing)
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for text in ("two", "three"):
        write_text_file(tmp_path / "link", text)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "file").read_text(encoding="utf-8") == text

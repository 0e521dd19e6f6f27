"""Data files that somebody else made: refused by their size and kind, before they can do harm."""

from __future__ import annotations

import gzip
import io
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tuner.data import DataOptions, PreparedData, prepare
from tuner.errors import DataError, TunerError


def test_a_postscript_file_called_png_starts_no_ghostscript(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepared: Callable[..., PreparedData]
) -> None:
    ghostscript = tmp_path / "bin" / "gs"
    ghostscript.parent.mkdir()
    ghostscript.write_text(f"#!/bin/sh\ntouch {tmp_path}/called\necho 10.0\n", encoding="utf-8")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ghostscript.parent}:{os.environ['PATH']}")
    for kind in "ab":
        (tmp_path / "images" / kind).mkdir(parents=True)
        for number in range(3):
            (tmp_path / "images" / kind / f"{number}.png").write_bytes(
                b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n(hello) =\n"
            )
    with pytest.raises(DataError, match=r"a/0.png in images must be an image \(PNG, .*cannot be read"):
        prepared("images")
    assert not (tmp_path / "called").exists()


def test_formats_are_told_by_their_content(tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    for kind, level in (("a", 0), ("b", 200)):
        (tmp_path / "images" / kind).mkdir(parents=True)
        for number in range(6):
            Image.new("L", (4, 4), level).save(tmp_path / "images" / kind / f"{number}.png", format="JPEG")
    assert prepared("images").facts.input_shape == (4, 4, 1)


def test_a_huge_image_is_refused(tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    (tmp_path / "images" / "a").mkdir(parents=True)
    Image.new("1", (10_000, 6_000)).save(tmp_path / "images" / "a" / "0.png")
    with pytest.raises(DataError, match=r"10000 x 6000 are more than 50,000,000 pixels"):
        prepared("images")


def test_images_beyond_the_memory_are_refused(tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    (tmp_path / "images" / "a").mkdir(parents=True)
    for number in range(3000):
        (tmp_path / "images" / "a" / f"{number}.png").touch()
    with pytest.raises(DataError, match=r"fit into memory.*smaller `shape`"):
        prepared("images", shape=[5000, 5000, 4])


@pytest.mark.parametrize("name", ["pipe.csv", "pipe.csv.gz", "pipe.parquet", "pipe.npz", "pipe"])
def test_a_named_pipe_is_refused(name: str, tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="named pipe|must end in"):
        prepared(name, **({"target": "y"} if "." in name and "npz" not in name else {}))


@pytest.mark.parametrize(
    ("name", "kind"), [("folder.csv", "a folder"), ("device.csv", "a device"), ("folder.npz", "a folder")]
)
def test_what_is_no_file_is_refused(
    name: str, kind: str, tmp_path: Path, prepared: Callable[..., PreparedData]
) -> None:
    if kind == "a device":
        (tmp_path / name).symlink_to("/dev/zero")
    else:
        (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=f"regular file, but {name!r} is {kind}"):
        prepared(name, **({"target": "y"} if "npz" not in name else {}))


def test_a_pipe_among_images_is_refused(tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    (tmp_path / "images" / "a").mkdir(parents=True)
    os.mkfifo(tmp_path / "images" / "a" / "0.png")
    with pytest.raises(DataError, match=r"a/0.png in images .* named pipe"):
        prepared("images")


def header(shape: tuple[int, ...], dtype: str = "<f8") -> bytes:
    """The header of a `.npy` file, without what it describes."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue()


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (header((10**12, 4)) + b"0" * 64, r"x.npy claims the shape \(1000000000000, 4\) of float64, and holds"),
        (header((10**15,), "<U0"), "claims the shape"),
        (header((4,), "|O") + b"\x80\x04K\x01." * 40, "Object arrays cannot be loaded"),
        (b"\x93NUMPY\x03\x00" + header((4,))[8:] + b"0" * 32, "holds no plain numbers"),
        (b"\x93NUMPY\x01\x00\xff\xff", "EOF|read"),
        (b"", "EOF|read|magic"),
    ],
)
def test_an_archive_that_claims_what_it_does_not_hold(
    x: bytes, words: str, tmp_path: Path, prepared: Callable[..., PreparedData]
) -> None:
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("x.npy", x)
        archive.writestr("y.npy", header((4,)) + b"0" * 32)
    with pytest.raises(DataError, match=rf"data.npz must be a NumPy archive .*(?:{words}).*numpy.savez"):
        prepared("data.npz")


def bomb(path: Path, name: str, size: int) -> None:
    """An archive whose directory says that a part of a few bytes has `size` bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in (name, "y.npy"):
            archive.writestr(part, bytes(1000))
        archive.getinfo(name).file_size = size


def test_a_bomb_is_refused_unread(tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    bomb(tmp_path / "data.npz", "x.npy", 3_000_000_000)
    with pytest.raises(DataError, match=r"'x.npy' claims 3,000,000,000 bytes, and holds \d+"):
        prepared("data.npz")


def test_a_compressed_table_that_swells_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepared: Callable[..., PreparedData]
) -> None:
    monkeypatch.setattr("tuner.untrusted_files.EXPANSION_FLOOR_BYTES", 1_000_000)
    (tmp_path / "data.csv.gz").write_bytes(gzip.compress(b"x,y\n" + b"0,1\n" * 1_000_000))
    with pytest.raises(DataError, match=r"'data.csv.gz' claims \d,\d+,\d+ bytes, and holds"):
        prepared("data.csv.gz", target="y")


def test_a_parquet_table_that_swells_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepared: Callable[..., PreparedData]
) -> None:
    monkeypatch.setattr("tuner.untrusted_files.EXPANSION_FLOOR_BYTES", 1_000_000)
    pd.DataFrame({"x": np.zeros(500_000), "y": np.zeros(500_000)}).to_parquet(tmp_path / "data.parquet")
    with pytest.raises(DataError, match=r"must be a Parquet table.*claims 8,000,\d+ bytes"):
        prepared("data.parquet", target="y")


def test_a_parquet_text_that_is_not_utf8_is_an_error_of_ours(
    tmp_path: Path, prepared: Callable[..., PreparedData]
) -> None:
    file = tmp_path / "data.parquet"
    table = pd.DataFrame({"x": ["green", "blue"] * 10, "y": [0, 1] * 10})
    table.to_parquet(file, compression=None)
    file.write_bytes(file.read_bytes().replace(b"green", b"gree\xff"))
    with pytest.raises(DataError, match="data.parquet must be a Parquet table"):
        prepared("data.parquet", target="y", text="one_hot")


def test_an_encrypted_or_unknown_archive_is_an_error_of_ours(
    tmp_path: Path, prepared: Callable[..., PreparedData]
) -> None:
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        for name in ("x.npy", "y.npy"):
            archive.writestr(name, header((4,)) + b"0" * 32)
    good = (tmp_path / "data.npz").read_bytes()
    for place, value in ((6, 1), (8, 99)):  # of a local header: flags, compression
        content = bytearray(good)
        for start, shift in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
            content[content.index(start) + place + shift] = value
        (tmp_path / "data.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"must be a NumPy archive"):
            prepared("data.npz")


def wide_seconds(columns: int, folder: Path) -> float:
    """Seconds of CPU for a CSV of so many columns."""
    table = pd.DataFrame(np.arange(20 * columns).reshape(20, columns) % 7, columns=[f"g{n}" for n in range(columns)])
    table["t"] = np.arange(20) % 2
    table.to_csv(folder / "wide.csv", index=False)
    began = time.process_time()
    prepare(DataOptions(source="wide.csv", target="t"), folder, 0)
    return time.process_time() - began


def test_a_wide_table_takes_time_in_proportion(tmp_path: Path) -> None:
    wide_seconds(10, tmp_path)  # imports
    # The least of three: a garbage collection of all that a test process holds takes longer than the table.
    narrow, wide = (min(wide_seconds(columns, tmp_path) for _ in range(3)) for columns in (2_000, 10_000))
    assert wide < 12 * narrow  # once 6 s, 25 times as long; now 3 times


def test_a_name_twice_among_many_is_found(tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    names = [f"g{number}" for number in range(20_000)]
    (tmp_path / "wide.csv").write_text(",".join([*names, "g7", "t"]) + "\n", encoding="utf-8")
    with pytest.raises(TunerError, match="'g7' occurs more than once in wide.csv"):
        prepared("wide.csv", target="t")

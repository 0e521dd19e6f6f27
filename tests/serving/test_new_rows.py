"""Rows to predict that are no tables: arrays of NumPy, images, and folders of images."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from mock_model import mock_model
from PIL import Image

import tuner
from tuner.data import Preprocessing, image_stream
from tuner.errors import DataError, DataWarning, UsageError
from tuner.serving import SavedModel, model_export, new_rows, read_about

SHAPE = (4, 6, 1)


class BrightnessModel:
    """Answer the share of white of the first channel."""

    output_shape = (None, 1)

    def __init__(self, *shape: int) -> None:
        self.input_shape = (None, *shape)

    def predict_on_batch(self, x: np.ndarray) -> np.ndarray:
        return (x[..., 0].reshape(len(x), -1).mean(axis=1, keepdims=True) / 255).astype(np.float32)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    make = mock_model(tmp_path, monkeypatch)

    def of_shape(*shape: int, source: str = "pictures", **data: Any) -> str:
        given = Preprocessing(None, np.zeros(shape[-1:]), np.ones(shape[-1:]), shape)
        return make(
            classes=("dark", "light"), preprocessing=given, network=BrightnessModel(*shape), source=source, **data
        )

    return of_shape


def loaded(*shape: int) -> SavedModel:
    return SavedModel(BrightnessModel(*shape), read_about(Path("m.keras")))  # type: ignore[arg-type]


def draw(file: str, level: Any, mode: str = "L", size: tuple[int, int] = (6, 4)) -> None:
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, level).save(file)


def answers(data: str, **options: Any) -> pandas.DataFrame:
    tuner.predict("m.keras", data, "out.csv", force=True, **options)
    return pandas.read_csv("out.csv")


@pytest.mark.parametrize("values_at_once", [1, 50, 2_000_000])
def test_images_are_answered_by_their_names(
    values_at_once: int, model: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_stream, "_MAX_VALUES", values_at_once)
    model(*SHAPE)
    for name, level in (("b.png", 0), ("a.png", 255), ("cat/c.PNG", 51), ("cat/d.bmp", 204), (".x/e.png", 9)):
        draw(f"new/{name}", level)
    found = answers("new")
    assert found["file"].tolist() == ["a.png", "b.png", "cat/c.PNG", "cat/d.bmp"]
    assert found["prediction"].tolist() == ["light", "dark", "dark", "light"]
    assert found["probability_light"].tolist() == pytest.approx([1, 0, 0.2, 0.8])
    assert answers("new/cat/d.bmp", keep=["file"])["file"].tolist() == ["d.bmp"]
    assert loaded(*SHAPE).predict(Path("new")).tolist() == found["prediction"].tolist()
    table = loaded(*SHAPE).predict_table("new")
    assert (table.columns.tolist(), table["file"].tolist()) == (found.columns.tolist(), found["file"].tolist())


def test_images_of_all_folders_below_are_answered_in_the_order_of_their_names(model: Callable[..., str]) -> None:
    model(*SHAPE)
    names = ["2024/01/a.png", "2024/01/deep/er/b.png", "2024/c.png", "2025/d.png", "z.png"]
    for name in (*names, "2024/.x/e.png"):
        draw(f"new/{name}", 1)
    Path("new/2024/01/loop").symlink_to(Path("new").resolve())
    Path("elsewhere").mkdir()
    draw("elsewhere/f.png", 1)
    Path("new/linked").symlink_to(Path("elsewhere").resolve())
    found = answers("new")["file"].tolist()
    assert found == sorted([*names, "linked/f.png"])
    assert loaded(*SHAPE).predict_table("new")["file"].tolist() == found


@pytest.mark.parametrize("name", ["spark.csv", "spark.parquet/", "SPARK.CSV.GZ"])
def test_a_folder_with_the_name_of_a_table(name: str, model: Callable[..., str]) -> None:
    Path(name).mkdir()
    named = name.rstrip("/")
    model(3, source="t.csv")
    for answer in (answers, loaded(3).predict):
        with pytest.raises(DataError, match=f"must be a regular file, but '{named}' is a folder"):
            answer(name)
    model(*SHAPE)
    with pytest.raises(DataError, match=f"takes images of .*, but got a table .{named}.*Name a folder of images"):
        answers(name)


def test_other_files_are_counted(model: Callable[..., str]) -> None:
    model(*SHAPE)
    draw("new/a.png", 255)
    Path("new/b.heic").write_text("?")
    note = "1 file of new has no image suffix and was left out."
    assert tuner.predict("m.keras", "new", "out.csv").notes == (note,)
    with pytest.warns(DataWarning, match=note):
        assert loaded(*SHAPE).predict("new").tolist() == ["light"]


@pytest.mark.parametrize(
    ("shape", "data", "image", "words"),
    [
        (SHAPE, {}, {"size": (9, 8)}, r"the study, 6 x 4 pixels in grey, but a\.png has 9 x 8 .*shape = \[4, 6, 1\]"),
        ((4, 6, 3), {}, {"size": (4, 6)}, r"the study, 6 x 4 pixels, but a\.png has 4 x 6 \(new\)\. Resize it"),
        (SHAPE, {}, {"mode": "RGB"}, r"6 x 4 pixels in grey, but a\.png is in color \(new\)\. Convert it to grey"),
        (SHAPE, {}, {"mode": "I;16"}, r"6 x 4 pixels in grey, but a\.png is in color|8 bits per channel"),
        (SHAPE, {"source": "rows.npz"}, {}, r"an array \(rows, .*, but got images \(new\): their pixels may mean some"),
        ((24,), {"source": "t.csv"}, {}, r"The model takes an array .*, but got images \(new\)\. Name a file"),
    ],
)
def test_images_unlike_those_of_the_study(
    shape: tuple[int, ...], data: dict[str, Any], image: dict[str, Any], words: str, model: Callable[..., str]
) -> None:
    model(*shape, **data)
    draw("new/a.png", (1, 2, 3) if image.get("mode") == "RGB" else 3, **image)
    with pytest.raises(DataError, match=words):
        tuner.predict("m.keras", "new", "out.csv")
    assert not Path("out.csv").exists()


def test_a_model_of_images_says_so(model: Callable[..., str]) -> None:
    Path("t.csv").write_text("a,b\n1,2\n")
    for shape, words in ((SHAPE, "6 x 4 pixels in grey, or an array (rows, 4, 6, 1)"), ((4, 6, 3), "6 x 4 pixels, or")):
        model(*shape)
        assert f"takes images of {words}" in repr(loaded(*shape))
        with pytest.raises(
            DataError, match=f"takes images of {re.escape(words)}.*got a table .t.csv.* folder of images"
        ):
            tuner.predict("m.keras", "t.csv", "out.csv")


def test_images_are_converted_as_in_the_study(model: Callable[..., str]) -> None:
    draw("new/a.png", (255, 255, 255), mode="RGB", size=(9, 8))
    model(*SHAPE, shape=[4, 6, 1])
    assert answers("new")["prediction"].tolist() == ["light"]
    draw("new/a.png", 255)
    model(4, 6, 3)
    assert answers("new")["prediction"].tolist() == ["light"]


def test_folders_and_names_without_images(model: Callable[..., str]) -> None:
    model(*SHAPE)
    Path("new/cat").mkdir(parents=True)
    with pytest.raises(DataError, match=r"must hold some, in it or in folders below, but new holds none\. Their names"):
        tuner.predict("m.keras", "new", "out.csv")
    with pytest.raises(DataError, match=r"file or folder that exists, but there is no 'a\.png'"):
        tuner.predict("m.keras", "a.png", "out.csv")
    with pytest.raises(DataError, match=r"there is no 'nw' in .*Did you mean 'new'\?"):
        tuner.predict("m.keras", "nw", "out.csv")
    Path("old").write_text("?")
    with pytest.raises(DataError, match=r"ends in one of \.csv.*\.npz.*\.png.*, or a folder of images, but got 'old'"):
        tuner.predict("m.keras", "old", "out.csv")
    draw("new/a.png", 1)
    with pytest.raises(DataError, match=r"Images have no columns to keep, but got 'id'\. The answers name the file"):
        tuner.predict("m.keras", "new", "out.csv", keep=["id"])


@pytest.mark.parametrize("named", ["new", "new/caf\udce9.png"])
def test_names_that_are_not_utf8(named: str, model: Callable[..., str]) -> None:
    model(*SHAPE)
    for name in ("a", "é", "caf\udce9"):
        draw(f"new/{name}.png", 1)
    for answer in (answers, loaded(*SHAPE).predict_table):
        with pytest.raises(DataError, match=r"their names must be UTF-8, but that of 'caf\\udce9\.png' in new"):
            answer(named)


@pytest.mark.parametrize("at_once", [1, 65_536])
@pytest.mark.parametrize("shape", [(3,), SHAPE, (1,)])
def test_arrays(
    at_once: int, shape: tuple[int, ...], model: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_rows, "_MAX_ROWS", at_once)
    model(*shape, source="rows.npz")
    x = np.stack([np.zeros(shape), np.full(shape, 255.0), np.full(shape, 204.0)])
    np.savez("new.npz", x=x, y=[1, 2, 3], id=np.array(["p", "q", "r"]), size=[1, 2, 3])
    done = tuner.predict("m.keras", "new.npz", "out.csv", keep=["id", "size"])
    found = pandas.read_csv("out.csv")
    assert (done.rows, done.left_out) == (3, ("y",))
    assert found.columns.tolist() == ["id", "size", "prediction", "probability_dark", "probability_light"]
    assert found["prediction"].tolist() == ["dark", "light", "light"]
    assert (found["id"].tolist(), found["size"].tolist()) == (["p", "q", "r"], [1, 2, 3])
    np.save("new.npy", x[:, 0] if shape == (1,) else x)
    assert answers("new.npy")["probability_light"].tolist() == pytest.approx([0, 1, 0.8])
    assert loaded(*shape).predict_table("new.npz").to_dict() == loaded(*shape).predict_table("new.npy").to_dict()
    np.save("none.npy", x[:0])
    assert tuner.predict("m.keras", "none.npy", "out.csv", force=True).rows == 0
    assert loaded(*shape).predict("none.npy").shape == (0,)


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (np.array([1, 2], ">i4"), [1, 2]),
        (np.array([1.5, 2], ">f8"), [1.5, 2]),
        (np.array(["é", "b"], ">U2"), ["é", "b"]),
        (np.array(["2024-01-02", "NaT"], "M8[D]"), ["2024-01-02", np.nan]),
        (np.array(["2024-01-02", "2025-01-02"], ">M8[s]"), ["2024-01-02 00:00:00", "2025-01-02 00:00:00"]),
        (np.array(["2024-01-02T10:30", "NaT"], "M8[m]"), ["2024-01-02 10:30:00", np.nan]),
        (np.array(["2024", "2025"], "M8[Y]"), ["2024-01-01 00:00:00", "2025-01-01 00:00:00"]),
        (np.array([1, 2], "m8[h]"), [3600, 7200]),
    ],
)
def test_arrays_of_other_types_are_kept(values: np.ndarray, kept: list[Any], model: Callable[..., str]) -> None:
    model(3, source="rows.npz")
    np.savez("new.npz", x=np.ones((2, 3)), id=values)
    pandas.testing.assert_series_equal(answers("new.npz", keep=["id"])["id"], pandas.Series(kept, name="id"))
    tuner.predict("m.keras", "new.npz", "out.parquet", keep=["id"])
    assert len(pandas.read_parquet("out.parquet")["id"]) == 2


@pytest.mark.parametrize("values", [[1j, 2], np.ones(2, "i4,f8"), np.ones(2, "V2"), np.zeros(2, "M8"), ["\ud800", "b"]])
def test_arrays_that_a_table_cannot_hold(values: Any, model: Callable[..., str]) -> None:
    model(3, source="rows.npz")
    np.savez("new.npz", x=np.ones((2, 3)), id=np.array(values))
    with pytest.raises(
        DataError, match=r"must hold texts, numbers or dates .* but 'id' is of type .*\(new\.npz\)\. Keep"
    ):
        tuner.predict("m.keras", "new.npz", "out.csv", keep=["id"])


@pytest.mark.parametrize(
    ("arrays", "keep", "words"),
    [
        ({"rows": np.ones((2, 3))}, [], r"must hold the array x, but new.npz holds rows\. Save it with numpy.savez"),
        ({"x": np.ones((2, 4))}, [], r"Rows must have the shape \(n, 3\), but got \(n, 4\)"),
        ({"x": 1.0}, [], r"x must have rows, but new.npz holds one number"),
        ({"x": np.array([["a", "b", "c"]])}, [], "Rows must hold numbers"),
        ({"x": np.array([[{}, 1, 2]], object)}, [], "must be arrays of NumPy without pickled objects, but cannot be"),
        ({"x": [[1, 2, 3], [1, np.nan, 3]]}, [], "row 2 has none in column 1"),
        ({"x": [[1, 2, 3], [1, 2, np.inf]]}, [], "column 2 in row 2 does not"),
        ({"x": np.ones((2, 3)), "id": [1, 2]}, ["ids"], r"arrays to keep, but new.npz has no 'ids' .* It has: id\."),
        ({"x": np.ones((2, 3)), "id": [1]}, ["id"], r"one value for each row of x, but 'id' has the shape \(1,\) and"),
    ],
)
def test_arrays_that_are_no_rows_of_the_study(
    arrays: dict[str, Any], keep: list[str], words: str, model: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_rows, "_MAX_ROWS", 1)
    model(3, source="rows.npz")
    np.savez("new.npz", **arrays)
    with pytest.raises(DataError, match=words):
        tuner.predict("m.keras", "new.npz", "out.csv", keep=keep)
    assert not Path("out.csv").exists()


def test_channels_that_come_first(model: Callable[..., str]) -> None:
    model(5, 6, 3, source="rows.npz")
    words = r"\(n, 5, 6, 3\), but got \(n, 3, 5, 6\)\. The channels come first: give numpy\.moveaxis\(x, 1, -1\)\.$"
    with pytest.raises(DataError, match=words):
        loaded(5, 6, 3).predict(np.ones((2, 3, 5, 6)))
    assert len(loaded(5, 6, 3).predict(np.moveaxis(np.ones((2, 3, 5, 6)), 1, -1))) == 2


def test_damaged_arrays(model: Callable[..., str]) -> None:
    model(3, source="rows.npz")
    np.save("new.npy", np.ones((2, 3)))
    whole = Path("new.npy").read_bytes()
    for content in (b"", b"no array", whole[:40], whole[:-8]):
        Path("new.npy").write_bytes(content)
        with pytest.raises(DataError, match=r"new\.npy must be arrays of NumPy .*cannot be read.*numpy.save"):
            tuner.predict("m.keras", "new.npy", "out.csv")
    np.save("new.npy", np.array([[1, None]], object))
    with pytest.raises(DataError, match="without pickled objects, but cannot be read"):
        tuner.predict("m.keras", "new.npy", "out.csv")


def test_arrays_are_not_overwritten_and_have_rows_to_compare(model: Callable[..., str]) -> None:
    model(3, source="rows.npz")
    np.savez("new.npz", x=np.arange(900).reshape(300, 3))
    about = read_about(Path("m.keras"))
    assert model_export._read_rows("new.npz", about, (3,)).tolist() == np.arange(768).reshape(256, 3).tolist()
    np.savez("new.npz", x=np.ones((0, 3)))
    with pytest.raises(UsageError, match="A comparison needs rows, but new.npz has none"):
        model_export._read_rows("new.npz", about, (3,))

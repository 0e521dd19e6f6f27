"""Tables on the disk are answered part after part, and what cannot be answered is one error that says where."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from mock_model import PREPROCESSING, AgeModel, mock_model

import tuner
from tuner.catalog import Task
from tuner.data import ENCODERS, table_stream
from tuner.data.csv_options import CsvOptions
from tuner.data.sources.tabular import read_frame
from tuner.errors import DataError, TunerError, UsageError
from tuner.serving import FilePrediction, file_prediction


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    return mock_model(tmp_path, monkeypatch)


def write(text: str, name: str = "d.csv") -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


GOOD = "id,city,size,age\n7,Rome,1,20\n=8,Oslo,2,80\n"


def test_columns_in_any_order(model: Callable[..., str], tmp_path: Path) -> None:
    done = tuner.predict(model(), write(GOOD), "out.csv", keep=["id"])
    assert Path("out.csv").read_text(encoding="utf-8") == (
        "id,prediction,probability_no,probability_=yes\n7,no,0.8,0.2\n'=8,'=yes,0.19999999,0.8\n"
    )
    assert done == FilePrediction(2, ("id", "prediction", "probability_no", "probability_=yes"), (), ())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.csv", "m.keras", "out.csv"]


def test_a_column_that_is_kept_twice_is_kept_once(model: Callable[..., str]) -> None:
    done = tuner.predict(model(), write(GOOD), "out.csv", keep=["id", "city", "id"])
    assert done.columns == ("id", "city", "prediction", "probability_no", "probability_=yes")
    assert pandas.read_csv("out.csv")["id"].tolist() == ["7", "'=8"]


def test_a_column_with_the_name_of_a_prediction_is_not_kept(model: Callable[..., str]) -> None:
    text = "age,city,size,prediction\n1,Rome,2,x\n"
    for keep in (["prediction"], ["prediction", "prediction"]):
        with pytest.raises(UsageError, match="must not have the name of a prediction, but got 'prediction'"):
            tuner.predict(model(), write(text), "out.csv", keep=keep)


@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
@pytest.mark.parametrize(
    ("lines", "row"),
    [
        (b"age,city,size\n1,Rome,2\n1,K\xf6ln,2\n", 2),
        (b"age,city,size\r\n1,Rome,2\r\n\r\n1,K\xf6ln,2\r\n", 2),
        (b"age,city,size\r1,Rome,2\r1,K\xf6ln,2\r", 2),
        (b'age,city,size,note\n1,Rome,2,"a\nb\n\nc"\n' + b"1,\xc3\xa9,2,x\n" * 40_000 + b"1,K\xf6ln,2,\n", 40_002),
    ],
)
def test_a_row_that_is_not_utf_8_is_named(
    lines: bytes, row: int, suffix: str, model: Callable[..., str], tmp_path: Path
) -> None:
    file = f"d.{suffix}"
    Path(file).write_bytes(gzip.compress(lines) if suffix.endswith("gz") else lines)
    words = rf"^{file} must be a table of UTF-8 text, but row {row} is not: its byte 0xf6, 'ö' in Windows-1252, is not "
    with pytest.raises(DataError, match=words + r"UTF-8\. Save it as UTF-8\.$"):
        tuner.predict(model(), file, "out.csv", allow_unknown=True)
    with pytest.raises(DataError, match=words):
        read_frame(file, tmp_path)
    assert not Path("out.csv").exists()


def test_a_row_that_is_not_utf_8_is_counted_without_comments(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes(b"# K\xf6ln\na,b\n1,x\n# \xf6\n2,\x81\n")
    with pytest.raises(DataError, match="row 2 is not: its byte 0x81 is not UTF-8"):
        read_frame("d.csv", tmp_path, csv_options=CsvOptions(comment="#"))


def test_columns_that_the_model_does_not_take_are_named(model: Callable[..., str]) -> None:
    done = tuner.predict(model(), write("id,age,note,city,size\n1,2,x,Oslo,3\n"), "out.csv")
    assert done.left_out == ("id", "note")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "age,town,size\n1,Rome,2\n",
            r"must have the columns of the study, but d.csv has no 'city'\. It has: age, town",
        ),
        ("age,City,size\n1,Rome,2\n", r"has no 'city'\. Did you mean 'City'\?"),
        ("x,y\n1,2\n", r"has no 'age', 'size', 'city'\. It has: x, y"),
        (
            "age,city,size\n1,Rome,2\n1,Roma,2\n",
            r"^Row 2 has a text in 'city' that the study did not have, 'Roma'\. "
            r"It had 'Oslo', 'Rome'\. Correct it, or .* --allow-unknown",
        ),
        ("age,city,size\n1,Rome,2\n1,Rome,\n", "row 2 has none in 'size'. Fill it in"),
        ("age,city,size\n1,Rome,2\n1,,2\n", "row 2 has none in 'city'. Fill it in"),
        ("age,city,size\n1,Rome,2\n1,?,2\n", "row 2 has none in 'city'. Fill it in"),
        ("age,city,size\n1,Rome,2\nNA,Rome,2\n?,Rome,2\n", "2 rows .the first is row 2. have none in 'age'"),
        ("age,city,size\n1,Rome,2\n1,Rome,2\nold,Rome,2\n", "Column 'age' must hold numbers.* row 3 holds 'old'"),
        ("age,city,size\n1,Rome,1e39\n", "'size' in row 1 does not"),
        ("age,city,size\n1,Rome,2\n1,Rome,2,3\n", "d.csv must be a table, but cannot be read: .*line 3, saw 4"),
        ("age,city,size,age\n1,Rome,2,3\n", r"Each column must have its own name, but 'age' occurs"),
        ("", "the file is empty"),
    ],
)
@pytest.mark.parametrize("rows", [1, 65_536])
def test_one_clear_error(
    text: str, words: str, rows: int, model: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_stream, "MAX_ROWS", rows)
    if rows == 1:
        words = words.replace("2 rows .the first is row 2. have", "row 2 has")
    with pytest.raises(DataError, match=words):
        tuner.predict(model(), write(text), "out.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.csv", "m.keras"]


def test_unknown_texts_are_counted_if_they_are_allowed(
    model: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_stream, "MAX_ROWS", 2)
    text = "age,city,size\n1,Rome,2\n" + "1,Roma,2\n" * 4
    done = tuner.predict(model(), write(text), "out.csv", allow_unknown=True)
    assert (done.rows, [str(found) for found in done.unknown]) == (
        5,
        ["4 rows (the first is row 2) have a text in 'city' that the study did not have, 'Roma'"],
    )


FILLED = dataclasses.replace(PREPROCESSING, fill=np.zeros(4))
OF_OLD = dataclasses.replace(FILLED, encoders={"city": ENCODERS["one_hot"].from_json({"categories": ["Oslo", "Rome"]})})


def test_a_missing_text_that_the_study_did_not_have_is_refused(
    model: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(table_stream, "MAX_ROWS", 2)
    file = model(preprocessing=FILLED)
    text = "age,city,size\n1,Rome,2\n1,Roma,2\n1,,2\n1,,2\n"
    with pytest.raises(
        DataError, match=r"^Row 1 has no value in 'city', and the study had no such rows\. Fill it in, "
    ):
        tuner.predict(file, write("age,city,size\n1,,2\n"), "out.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.csv", "m.keras"]
    done = tuner.predict(file, write(text), "out.csv", allow_unknown=True)
    assert (done.rows, [str(found) for found in done.unknown]) == (
        4,
        [
            "row 2 has a text in 'city' that the study did not have, 'Roma'",
            "2 rows (the first is row 3) have no value in 'city', and the study had no such rows",
        ],
    )


def test_a_model_of_an_older_version_does_not_say_whether_a_missing_text_is_known(model: Callable[..., str]) -> None:
    done = tuner.predict(model(preprocessing=OF_OLD), write("age,city,size\n1,Rome,2\n1,,2\n"), "out.csv")
    (found,) = done.unknown
    assert str(found).startswith("row 2 has no value in 'city', and the model, of an older version, does not say")


def test_an_answer_that_is_not_finite_has_a_row(model: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    file = model()
    monkeypatch.setattr(table_stream, "MAX_ROWS", 1)
    monkeypatch.setattr(AgeModel, "predict_on_batch", lambda self, x: np.where(x[:, :1] > 50, np.nan, x[:, :1]))
    with pytest.raises(DataError, match=r"the model gives \[nan\] for row 2"):
        tuner.predict(file, write(GOOD), "out.csv")


@pytest.mark.parametrize(
    ("task", "classes", "outputs", "data", "columns"),
    [
        (Task.MULTICLASS, ("a", "b"), 2, {}, {"prediction": ["b"], "probability_a": [0.2], "probability_b": [0.4]}),
        (
            Task.MULTILABEL,
            ("a", "b", "c"),
            3,
            {},
            {"prediction_a": [0], "prediction_b": [0], "prediction_c": [1]}
            | {"probability_a": [0.2], "probability_b": [0.4], "probability_c": [0.6]},
        ),
        (Task.REGRESSION, (), 1, {"target": "y"}, {"prediction": [0.2]}),
        (Task.REGRESSION, (), 2, {"target": ["u", "v"]}, {"prediction_u": [0.2], "prediction_v": [0.4]}),
        (Task.REGRESSION, (), 2, {}, {"prediction_0": [0.2], "prediction_1": [0.4]}),
    ],
)
def test_answers_of_each_task(
    task: Task,
    classes: tuple[str, ...],
    outputs: int,
    data: dict[str, Any],
    columns: dict[str, list[Any]],
    model: Callable[..., str],
) -> None:
    file = model(task, classes, outputs, **data)
    tuner.predict(file, write("age,city,size\n20,Rome,1\n"), "out.parquet")
    found = pandas.read_parquet("out.parquet")
    pandas.testing.assert_frame_equal(found, pandas.DataFrame(columns), check_dtype=False)
    again = file_prediction.load_saved(Path(file)).predict_table("d.csv")
    pandas.testing.assert_frame_equal(again, found, check_dtype=False)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".parquet"])
@pytest.mark.parametrize("target", [".csv", ".csv.gz", ".tsv", ".tsv.gz", ".pq"])
def test_parts_give_what_the_whole_gives(
    suffix: str, target: str, model: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = model()
    ids = pandas.Series([None, 10**12, *range(9)], dtype="Int64")
    names = ["x,y", 'q"', "", "-5", "+a", "@b", "line\nbreak", None, "ü", "007", "NA"]
    frame = pandas.DataFrame({"id": ids, "name": names, "age": range(11), "city": ["Rome", "Oslo", *["Rome"] * 9]})
    frame["size"] = [1.5, *range(10)]
    if suffix == ".parquet":
        frame.to_parquet("d.parquet", row_group_size=3)
    else:
        frame.to_csv(f"d{suffix}", index=False, sep="\t" if suffix == ".tsv" else ",")
    for rows in (2, 100):
        monkeypatch.setattr(table_stream, "MAX_ROWS", rows)
        tuner.predict(file, f"d{suffix}", f"{rows}{target}", keep=["name", "id"])
    found = read(f"2{target}")
    assert found.equals(read(f"100{target}"))
    assert found["id"].tolist() == ["", str(10**12), *map(str, range(9))]
    harmless = names if target == ".pq" else ["x,y", 'q"', "", "-5", "'+a", "'@b", "line\nbreak", "", "ü", "007", "NA"]
    assert found["name"].tolist() == [name or "" for name in harmless]
    assert found["probability_=yes" if target == ".pq" else "probability_=yes"].astype(float).tolist() == pytest.approx(
        [age / 100 for age in range(11)]
    )


def read(name: str) -> pandas.DataFrame:
    """Every cell as a text."""
    if name.endswith(".pq"):
        return (
            pandas.read_parquet(name)
            .astype(object)
            .map(lambda cell: "" if pandas.isna(cell) else str(cell).removesuffix(".0"))
        )
    return pandas.read_csv(name, sep="\t" if ".tsv" in name else ",", dtype=str, keep_default_na=False)


def test_an_open_file_gets_csv(model: Callable[..., str]) -> None:
    out = io.BytesIO()
    tuner.predict(model(), write(GOOD), out)
    assert out.getvalue().startswith(b"prediction,probability_no,probability_=yes\nno,")


@pytest.mark.parametrize(
    ("output", "options", "words"),
    [
        ("out.txt", {}, r"must end in \.csv or "),
        ("nowhere/out.csv", {}, "folder of the file must exist, but nowhere does not"),
        ("there.csv", {}, "already exists"),
        ("d.csv", {"force": True}, "must not overwrite the data"),
        ("out.csv", {"keep": ["ids"]}, r"the columns to keep, but d.csv has no 'ids'\. Did you mean 'id'\?"),
        ("out.csv", {"keep": ["prediction"]}, "must not have the name of a prediction, but got 'prediction'"),
    ],
)
def test_what_is_refused_before_anything_is_read(
    output: str, options: dict[str, Any], words: str, model: Callable[..., str]
) -> None:
    file = model()
    write("mine", "there.csv")
    with pytest.raises(UsageError, match=words):
        tuner.predict(file, write("id,prediction,age,city,size\n1,1,1,Rome,2\n"), output, **options)
    assert Path("there.csv").read_text(encoding="utf-8") == "mine"


def test_a_table_of_no_rows(model: Callable[..., str]) -> None:
    assert tuner.predict(model(), write("age,city,size\n"), "out.csv").rows == 0
    assert Path("out.csv").read_text(encoding="utf-8") == "prediction,probability_no,probability_=yes\n"


def test_a_column_that_csv_cannot_hold(model: Callable[..., str]) -> None:
    frame = pandas.DataFrame({"age": [1], "city": ["Rome"], "size": [2], "more": [[1, 2]]})
    frame.to_parquet("d.parquet")
    file = model()
    assert tuner.predict(file, "d.parquet", "out.parquet", keep=["more"]).rows == 1
    with pytest.raises(DataError, match="columns that are kept must be texts, numbers or dates"):
        tuner.predict(file, "d.parquet", "out.csv", keep=["more"])


@pytest.mark.parametrize("name", ["d.csv", "d.csv.gz", "d.parquet"])
def test_hostile_tables(name: str, model: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    file = model()
    os.mkfifo(name)
    with pytest.raises(DataError, match="is a named pipe"):
        tuner.predict(file, name, "out.csv")
    Path(name).unlink()
    Path(name).write_bytes(b"\x00\x01\x02PAR1")
    with pytest.raises(DataError, match=f"{name} must be a"):
        tuner.predict(file, name, "out.csv")


def test_a_quote_that_never_ends_takes_no_memory(model: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_stream, "MAX_PART_BYTES", 3_000_000)
    with gzip.open("d.csv.gz", "wb") as packed:
        packed.write(b'age,city,size\n1,Rome,2\n1,"Rome,2\n' + b"1,Rome,2\n" * 1_000_000)
    with pytest.raises(DataError, match="take more than 3,000,000 bytes; a quote may be open"):
        tuner.predict(model(), "d.csv.gz", "out.csv")


def test_words_for_missing_numbers_are_those_of_pandas() -> None:
    from pandas._libs.parsers import STR_NA_VALUES

    assert set(table_stream.MISSING_NUMBERS) == set(STR_NA_VALUES)


def test_what_is_no_model(model: Callable[..., str]) -> None:
    Path(model()).write_bytes(json.dumps({}).encode())
    with pytest.raises(TunerError, match=r"m\.keras must be a saved model"):
        tuner.predict("m.keras", write(GOOD), "out.csv")

"""Texts of several words: their TF-IDF weights, in studies and of new rows."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from tuner.data import ENCODERS, DataOptions, PreparedData, encode_rows, prepare
from tuner.data.encoders.tf_idf import split_words
from tuner.errors import DataError
from tuner.study.table_scaffold import table_study

TEXTS = [
    "A good film, a very good film.",
    "a bad film; I don't like bad films",
    "GOOD, good, good!",
    "I don’t like it",
    "résumé of a film",
    None,
    "…",
]
ENCODER = ENCODERS["tf_idf"]


def column(*texts: str | None) -> np.ndarray:
    return np.array(texts, dtype=object)


def test_the_weights_are_those_of_scikit_learn() -> None:
    fitted = ENCODER.fit("review", column(*TEXTS), "t.csv")
    plain = [(text or "").replace("’", "'") for text in TEXTS]
    oracle = TfidfVectorizer(sublinear_tf=True, token_pattern=r"\w+(?:'\w+)*", min_df=2)
    expected = pd.DataFrame(
        oracle.fit([text for text in plain if text]).transform(plain).toarray(),
        columns=[f"review:{word}" for word in oracle.get_feature_names_out()],
    )
    assert (
        set(fitted.names("review"))
        == set(expected.columns)
        == {f"review:{w}" for w in ("a", "film", "good", "i", "don't", "like")}
    )
    found = pd.DataFrame(fitted.encode(column(*TEXTS)), columns=fitted.names("review"))
    pd.testing.assert_frame_equal(found[expected.columns], expected)
    assert not found.iloc[-2:].to_numpy().any(), "a missing text, and one without words"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't, DON’T!", ["don't", "don't"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("مُحَمَّد", ["مُحَمَّد"]),
        ("İstanbul ISTANBUL", ["istanbul", "istanbul"]),
        ("Straße_7, naïve…", ["straße_7", "naïve"]),
        ("…", []),
    ],
)
def test_words_of_any_script(text: str, words: list[str]) -> None:
    assert split_words(text) == words


def test_the_words_of_most_texts_are_taken() -> None:
    texts = column("b a c", "a b", "a d", "d", "e")
    assert ENCODER.fit("x", texts, "t.csv", 2).names("x") == ("x:a", "x:b")
    assert ENCODER.fit("x", texts, "t.csv").names("x") == ("x:a", "x:b", "x:d"), "c and e are in one text each"


def test_texts_without_a_common_word() -> None:
    with pytest.raises(DataError, match=r"no word of 'x' is in 2 rows outside the test part \(t.csv\)\. `drop` it"):
        ENCODER.fit("x", column("one", "two", None), "t.csv")


@given(st.lists(st.text(max_size=20), min_size=2, max_size=8))
def test_any_text_is_encoded_with_norm_1_or_0(texts: list[str]) -> None:
    try:
        fitted = ENCODER.fit("x", column(*texts), "t.csv")
    except DataError:
        return
    x = fitted.encode(column(*texts, "none of it", None))
    norms = np.linalg.norm(x, axis=1)
    assert np.all(np.isclose(norms, 1) | (norms == 0))
    assert fitted.knows(column(*texts)).all()
    again = ENCODER.from_json(json.loads(json.dumps(fitted.to_json())))
    np.testing.assert_array_equal(again.encode(column(*texts)), x[: len(texts)])


@pytest.mark.parametrize(
    "change",
    [
        {"idf": [1.0]},
        {"idf": [1.0, float("nan")]},
        {"idf": [1.0, -1.0]},
        {"idf": [1.0, "2"]},
        {"idf": "12"},
        {"vocabulary": ["a", "a"]},
        {"vocabulary": ["a", 1]},
    ],
)
def test_a_made_up_encoder_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        ENCODER.from_json({"kind": "tf_idf", "vocabulary": ["a", "b"], "idf": [1.0, 2.0], **change})


@pytest.mark.parametrize("given", [0, 20_001, True, 1.5, "many", ["a"]])
def test_a_wrong_number_of_words(given: Any) -> None:
    with pytest.raises(ValueError, match="The number of words must be 1 to 20,000"):
        DataOptions.model_validate({"source": "t.csv", "target": "y", "columns": {"review": {"tf_idf": given}}})


WORDS = ["sun", "rain", "wind", "snow", "fog", "hail", "ice", "storm"]


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """200 rows: a text of 9 words, missing in two rows, a number, and the class that one of the words names."""
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(WORDS, size=8)) + f" number{row}" for row in range(200)]
    y = ["wet" if "rain" in text.split() else "dry" for text in texts]
    frame = pd.DataFrame({"text": texts, "degrees": random.normal(size=200), "y": y})
    frame.loc[[3, 77], "text"] = None
    file = tmp_path / "reviews.csv"
    frame.to_csv(file, index=False)
    return file


OPTIONS = {"target": "y", "columns": {"text": "tf_idf"}, "missing": "median"}


def test_a_study_of_texts(reviews: Path, prepared: Callable[..., PreparedData]) -> None:
    found = prepared("reviews.csv", **OPTIONS)
    assert set(found.facts.features) == {"degrees", *(f"text:{word}" for word in WORDS)}
    train = found.splits[0].train.x
    norms = np.linalg.norm(train[:, 1:], axis=1)
    assert np.all(np.isclose(norms, 1) | (norms == 0)), "weights are not scaled"
    assert abs(train[:, 0].mean()) < 1e-5, "other columns are"
    assert "The texts in 'text' became the TF-IDF weights of 8 words." in found.facts.notes
    assert "2 missing texts count as texts without words (text)." in found.facts.notes


def test_new_rows_are_encoded_as_those_of_the_study(reviews: Path, prepared: Callable[..., PreparedData]) -> None:
    found = prepared("reviews.csv", **OPTIONS)
    preprocessing = found.splits[0].preprocessing
    assert preprocessing is not None
    new = pd.DataFrame({"degrees": [0.0, 1.0, 2.0], "text": ["Rain, rain; SUN", "never seen", None]})
    x = encode_rows(new, preprocessing, found.facts.input_shape)
    encoder = preprocessing.encoders["text"]
    np.testing.assert_array_equal(x[:, 1:], encoder.encode(column("rain rain sun", None, None)))
    assert x[0, 1:].any()
    assert not x[1:, 1:].any()


def test_a_study_says_how_many_words(reviews: Path, tmp_path: Path) -> None:
    options = {"source": "reviews.csv", **OPTIONS, "columns": {"text": {"tf_idf": 3}}}
    found = prepare(DataOptions.model_validate(options), tmp_path, 0)
    assert len(found.facts.features) == 4


@pytest.mark.parametrize(("rows", "words", "kept"), [(50, 10, True), (200, 5, False)])
def test_few_texts_are_kept_and_short_ones_are_left_out_with_the_way_to_keep_them(
    rows: int, words: int, kept: bool, tmp_path: Path
) -> None:
    lines = [f"{' '.join([f'n{row}', *WORDS * 2][:words])},{row % 2}" for row in range(rows)]
    (tmp_path / "t.csv").write_text("\n".join(["note,y", *lines]), encoding="utf-8")
    if not kept:  # a table needs another column
        (tmp_path / "t.csv").write_text(
            "\n".join(["note,x,y", *(line[:-1] + f"{n},{line[-1]}" for n, line in enumerate(lines))])
        )
    text = table_study("t", tmp_path / "t.csv", "y", tmp_path)
    data = tomllib.loads(text)["data"]
    assert data.get("columns", {}) == ({"note": "tf_idf"} if kept else {})
    assert ("note" in data.get("drop", [])) is not kept
    assert (
        'If its words matter, write "note" = "tf_idf" in [data.columns]' in " ".join(text.replace("\n#", "").split())
    ) is not kept


def test_a_first_study_has_the_encoding(reviews: Path, tmp_path: Path) -> None:
    text = table_study("reviews", reviews, "y", tmp_path)
    data = tomllib.loads(text)["data"]
    assert data["columns"] == {"text": "tf_idf"}
    assert "drop" not in data
    assert "text" not in data
    said = " ".join(text.replace("\n#", "").split())
    assert "Texts become the weights of their most common words: text (9 words on average)." in said
    assert "Empty texts in text (2) count as texts without words." in said

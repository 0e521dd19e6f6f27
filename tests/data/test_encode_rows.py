"""New rows become numbers as those of the study did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pytest

from tuner.data import DataOptions, encode_rows, held_out
from tuner.errors import DataError

TABLE = "size,colour,shape,price\n" + "\n".join(
    f"{row},{('red', 'green', '')[row % 3]},{('round', 'square')[row % 2]},{row * 1.5}" for row in range(40)
)


@pytest.mark.parametrize("text", ["one_hot", "ordinal"])
def test_a_table_becomes_what_the_study_had(text: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE, encoding="utf-8")
    options = DataOptions(source="t.csv", target="price", text=text, missing="mean", test=0.0)
    held = held_out(options, tmp_path, 0)
    assert held.preprocessing is not None
    frame = pandas.read_csv(tmp_path / "t.csv")
    shuffled = frame[["shape", "price", "colour", "size"]].assign(more="text")
    found = encode_rows(shuffled, held.preprocessing, held.sample.shape[1:])
    assert np.array_equal(found, held.sample)
    unknown = encode_rows(frame.assign(colour="mauve"), held.preprocessing, held.sample.shape[1:])
    names = held.preprocessing.features
    columns = [index for index, name in enumerate(names) if name.startswith("colour")]
    assert (unknown[:, columns] == (0.0 if text == "one_hot" else -1.0)).all()
    nothing = encode_rows(frame.assign(colour=None), held.preprocessing, held.sample.shape[1:])
    assert np.array_equal(nothing, unknown)


def test_what_does_not_fit(tmp_path: Path) -> None:
    held = held_out(DataOptions(source="iris"), tmp_path, 0)
    given, shape = held.preprocessing, held.sample.shape[1:]
    assert given is not None
    assert encode_rows([[1, 2, 3, 4]], given, shape).dtype == np.float64
    with pytest.raises(DataError, match=r"Rows must have the shape \(n, 4\), but got \(2, 3\)"):
        encode_rows(np.zeros((2, 3)), given, shape)
    frame = pandas.DataFrame(np.zeros((2, 4)), columns=list(given.features))
    assert encode_rows(frame[frame.columns[::-1]], given, shape).shape == (2, 4)
    with pytest.raises(DataError, match="has no 'petal_width'"):
        encode_rows(frame.drop(columns="petal_width"), given, shape)
    with pytest.raises(DataError, match="'petal_width' must hold numbers"):
        encode_rows(frame.assign(petal_width="wide"), given, shape)

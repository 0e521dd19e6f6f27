"""Numbers and durations for people."""

from __future__ import annotations

import pytest

from tuner.text import duration, significant, size_text, value_text, with_article


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"), (4.24, "4.2 s"), (9.96, "10 s"), (59.4, "59 s"), (59.9, "60 s"), (65.2, "1 min 05 s"),
        (3599.7, "1 h 00 min"), (7380.0, "2 h 03 min"), (360_000.0, "100 h 00 min"),
    ],
)  # fmt: skip
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456789, "0.12346"), (1e-7, "1e-07"), (3, "3"), (True, "True"), (None, "None"), ("adam", "adam"),
        (2.0, "2"), (156_137.2, "156137"), (99_999.7, "100000"), (-1_234_567.0, "-1234567"),
        (9_999_960.0, "9999960"), (1e7, "1e+07"),
        (float("inf"), "inf"), (float("nan"), "nan"),
    ],
)  # fmt: skip
def test_numbers(value, text):
    assert value_text(value) == text


def test_few_digits_need_no_exponent():
    assert [significant(value, 3) for value in (1365.0, 0.00012345, 25_959.0)] == ["1365", "0.000123", "25959"]


def test_sizes_of_networks():
    assert size_text(50_826, 50_560) == "50,826 weights (203 kB), 50,560 multiply-adds a row"
    assert size_text(1_250_000, None) == "1,250,000 weights (5 MB)"


@pytest.mark.parametrize(
    "text", ["an optimizer", "a loss", "a unit", "an RMSprop", "an SGD", "an ndarray", "a Dataset", "a DataFrame"]
)
def test_a_noun_has_its_article(text: str) -> None:
    assert with_article(text.partition(" ")[2]) == text

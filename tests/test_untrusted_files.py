"""What is said of the error of a library."""

from __future__ import annotations

import pytest

from tuner.errors import DataError
from tuner.untrusted_files import reading, reason


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("bad byte, e.g. in line 2", "bad byte, e.g. in line 2"),
        ("This file holds objects. If you trust it, load it unsafely.", "This file holds objects"),
        ("Error tokenizing data. C error: Expected 2 fields in line 3, saw 3\n", "Expected 2 fields in line 3, saw 3"),
        ("", "ValueError"),
        ("a" * 400, "a" * 299 + "…"),
    ],
)
def test_a_reason_is_the_first_sentence_of_an_error(said: str, expected: str) -> None:
    assert reason(ValueError(said)) == expected


def test_the_next_step_is_ours() -> None:
    with pytest.raises(DataError) as caught, reading("a.npz", "an archive", "Check the file.", DataError):
        raise ValueError("It is cut, e.g. at byte 9. Please repair it.")
    assert str(caught.value) == (
        "a.npz must be an archive, but cannot be read: It is cut, e.g. at byte 9. Check the file."
    )

"""Amounts of bytes in study files."""

from __future__ import annotations

import pytest

from tuner.errors import StudyFileError
from tuner.study import read_study_dict
from tuner.study.scalars import byte_count

STUDY = {"name": "a", "model": "models/mlp.py", "data": {"source": "iris"}, "search": {"learning_rate": [0.1, 0.2]}}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("12B", 12),
        ("200kB", 200_000),
        (" 1.5 MiB ", 1_572_864),
        ("2gb", 2 * 10**9),
        ("1TiB", 2**40),
        ("2", None),
        ("GB", None),
        ("1.GB", None),
        ("-1GB", None),
        (200_000, None),
    ],
)
def test_a_text_is_read_as_bytes(text, count):
    assert byte_count(text) == count


def test_memory_and_limits_are_read_alike(tmp_path):
    spec = read_study_dict({**STUDY, "budget": {"memory": "1GiB"}, "limits": {"bytes": "1GiB"}}, tmp_path)
    assert spec.budget.memory_bytes == spec.limits.bytes == 2**30
    with pytest.raises(StudyFileError, match="at least 64 MB"):
        read_study_dict({**STUDY, "budget": {"memory": "200kB"}}, tmp_path)

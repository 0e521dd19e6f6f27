"""A small part of `benchmarks/fuzz.py`: readers that need no TensorFlow, with damaged and hostile inputs."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize(
    "name", ["study", "database", "npz", "csv", "parquet", "images", "export", "url", "http", "edits"]
)
def test_damaged_inputs_are_read_or_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from fuzz import fuzz

    assert name in sys.modules["fuzz_readers"].READERS
    outcome = fuzz(name, range(10 if name == "database" else 50), seed=0)
    logging.disable(logging.NOTSET)
    assert not outcome.faults
    assert outcome.counts.total() >= 10
    assert outcome.counts["refused"] > 0

"""`tuner predict`: what it prints and writes, and how it ends."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mock_model import PREPROCESSING, mock_model

from tuner.catalog import silence_tensorflow


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Write `d.csv`, beside the model `m.keras`."""
    mock_model(tmp_path, monkeypatch)()
    return lambda text: Path("d.csv").write_text(text, encoding="utf-8") and None


def test_it_says_what_it_did(call, table):
    table("id,age,note,city,size\n5,1,x,Oslo,3\n6,70,x,Roma,3\n")
    said = call("predict", "m.keras", "d.csv", "-o", "out.csv", "--keep", "id", "--allow-unknown")
    assert (said.code, said.out) == (0, "")
    assert said.err.splitlines() == [
        "Ignored, as they are not features of the model: note",
        "Unknown category: row 2 has a text in 'city' that the study did not have, 'Roma'",
        "Wrote out.csv: 2 rows, id, prediction, probability_no and probability_=yes",
    ]
    assert Path("out.csv").read_text(encoding="utf-8").splitlines()[1] == "5,no,0.99,0.01"
    again = call("predict", "m.keras", "d.csv", "-o", "out.csv", "--keep", "id", "--allow-unknown", "--force", "-q")
    assert (again.code, again.out, again.err) == (0, "", "")


def test_missing_texts_are_counted_with_unknown_ones(call, tmp_path, monkeypatch):
    filled = dataclasses.replace(PREPROCESSING, fill=np.zeros(4))
    mock_model(tmp_path, monkeypatch)(preprocessing=filled)
    Path("d.csv").write_text("age,city,size\n1,Oslo,3\n1,,3\n", encoding="utf-8")
    said = call("predict", "m.keras", "d.csv", "-o", "out.csv")
    assert said.code == 2
    assert said.err.startswith("tuner: Row 2 has no value in 'city', and the study had no such rows. Fill it in, or")
    said = call("predict", "m.keras", "d.csv", "-o", "out.csv", "--allow-unknown")
    assert "Missing text: row 2 has no value in 'city', and the study had no such rows\n" in said.err


def test_standard_output_gets_the_table_alone(call, table):
    table("age,city,size\n1,Oslo,3\n")
    said = call("predict", "m.keras", "d.csv")
    assert (said.code, said.out, said.err) == (0, "prediction,probability_no,probability_=yes\nno,0.99,0.01\n", "")


def test_a_table_that_standard_output_has_no_room_for_is_an_error(call, table, monkeypatch):
    """It is written at the end, when all else is done."""
    table("age,city,size\n1,Oslo,3\n")
    with open("/dev/full", "w", encoding="utf-8") as full:
        for name in ("stdout", "__stdout__"):
            monkeypatch.setattr(sys, name, full)
        said = call("predict", "m.keras", "d.csv")
    assert said.code == 2
    assert said.err.startswith("tuner: Standard output cannot be written: No space left on device.")


def test_one_error_and_no_file(call, table):
    table("age,city,size\n1,Oslo,3\n1,Roma,3\n")
    said = call("predict", "m.keras", "d.csv", "-o", "out.csv")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("tuner: Row 2 has a text in 'city' that the study did not have, 'Roma'. It had")
    assert not Path("out.csv").exists()
    assert "Missing argument 'DATA'" in call("predict", "m.keras").err


def test_what_a_library_prints_is_dropped(capfd):
    with silence_tensorflow():
        os.write(2, b"I0000 port.cc: noise\n")
    os.write(2, b"ours\n")
    assert capfd.readouterr().err == "ours\n"

"""What lies in a saved model beside Keras's files."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tuner
from tuner.data import Preprocessing
from tuner.errors import UsageError
from tuner.retraining import About, Kept, read_about, write_about
from tuner.training import Choice, ModelChoice, Recipe, Task

RECIPE = Recipe(
    task=Task.BINARY,
    model=ModelChoice(reference="models/mlp.py", sha256="ab" * 32, options={"units": [8, 4]}),
    head="sigmoid",
    loss=Choice(name="binary_crossentropy"),
    optimizer=Choice(name="adam"),
    learning_rate=0.01,
    class_weight={0: 1.0, 1: 2.0},
    metric="accuracy",
)
PREPROCESSING = Preprocessing(None, np.zeros(2), np.ones(2), (2,), ("a", "b=x"), {"b": ("x",)}, "one_hot")


def archive(file: Path, **members: str) -> Path:
    with zipfile.ZipFile(file, "w") as opened:
        for name, text in members.items():
            opened.writestr(name.replace("_json", ".json"), text)
    return file


def test_it_is_read_as_it_was_written(tmp_path):
    file = archive(tmp_path / "m.keras", config_json="{}")
    about = About("s", 3, "accuracy", "maximize", RECIPE, ("no", "yes"), PREPROCESSING, ("Own",), {"mean": math.nan})
    write_about(file, about)
    found = read_about(file)
    assert (found.recipe, found.classes, found.own, found.trial) == (RECIPE, ("no", "yes"), ("Own",), 3)
    assert found.scores == {"mean": None}, "JSON knows no NaN"
    assert found.preprocessing.to_json() == PREPROCESSING.to_json()
    assert tuner.best(file) == RECIPE
    assert zipfile.ZipFile(file).namelist() == ["config.json", "keras_studies.json"]


@pytest.mark.parametrize(
    ("members", "rule"),
    [
        ({"config_json": "{}"}, r"was not saved by `tuner train`.*keras\.saving\.load_model"),
        ({"keras_studies_json": "{"}, "cannot be read as a saved model"),
        ({"keras_studies_json": "{}"}, "cannot be read as a saved model"),
        ({"keras_studies_json": '{"recipe": {}}'}, "cannot be read as a saved model"),
    ],
)
def test_other_files_are_refused(members, rule, tmp_path):
    file = archive(tmp_path / "m.keras", **members)
    with pytest.raises(UsageError, match=rule):
        tuner.best(str(file))


def test_what_is_no_archive(tmp_path):
    (tmp_path / "m.keras").write_bytes(b"hello")
    for name in ("m.keras", "nothing.keras"):
        with pytest.raises(UsageError, match="cannot be read as a saved model"):
            tuner.load(tmp_path / name)


def test_outputs_are_kept_by_number(tmp_path):
    kept = Kept(tmp_path, 7)
    outputs = [np.arange(6.0).reshape(3, 2), np.zeros((0, 2))]
    kept.keep(outputs, ("Own", "Other"))
    assert all(map(np.array_equal, Kept(tmp_path, 7).outputs(), outputs))
    assert kept.own() == ("Own", "Other")
    assert kept.model == tmp_path / "7.keras"

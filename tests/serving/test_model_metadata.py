"""What lies in a saved model beside Keras's files."""

from __future__ import annotations

import json
import math
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuner
from tuner.catalog import BuildableRecipe, Choice, ModelChoice, Task
from tuner.data import ENCODERS, Preprocessing
from tuner.errors import UsageError
from tuner.protocol import TrainingArtifacts
from tuner.serving import ModelMetadata, read_about, write_about

RECIPE = BuildableRecipe(
    task=Task.BINARY,
    model=ModelChoice(reference="models/mlp.py", sha256="ab" * 32, options={"units": [8, 4]}),
    head="sigmoid",
    loss=Choice(name="binary_crossentropy"),
    optimizer=Choice(name="adam"),
    learning_rate=0.01,
    class_weight={0: 1.0, 1: 2.0},
    metric="accuracy",
)
PREPROCESSING = Preprocessing(
    None, np.zeros(2), np.ones(2), (2,), ("a", "b=x"), {"b": ENCODERS["one_hot"].from_json({"categories": ["x"]})}
)


def archive(file: Path, **members: str) -> Path:
    with zipfile.ZipFile(file, "w") as opened:
        for name, text in members.items():
            opened.writestr(name.replace("_json", ".json"), text)
    return file


def test_it_is_read_as_it_was_written(tmp_path):
    file = archive(tmp_path / "m.keras", config_json="{}")
    about = ModelMetadata(
        "s", 3, "accuracy", "maximize", RECIPE, ("no", "yes"), PREPROCESSING, ("Own",), scores={"mean": math.nan}
    )
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
        ({"keras_studies_json": "{"}, "must be a saved model, but cannot be read"),
        ({"keras_studies_json": "{}"}, "must be a saved model, but cannot be read"),
        ({"keras_studies_json": '{"recipe": {}}'}, "must be a saved model, but cannot be read"),
    ],
)
def test_other_files_are_refused(members, rule, tmp_path):
    file = archive(tmp_path / "m.keras", **members)
    with pytest.raises(UsageError, match=rule):
        tuner.best(str(file))


def test_what_is_no_archive(tmp_path):
    (tmp_path / "m.keras").write_bytes(b"hello")
    (tmp_path / "folder.keras").mkdir()
    os.mkfifo(tmp_path / "pipe.keras")
    for name in ("m.keras", "nothing.keras", "folder.keras", "pipe.keras"):
        with pytest.raises(UsageError, match="must be a saved model, but cannot be read"):
            tuner.load(tmp_path / name)


def test_outputs_are_kept_by_number(tmp_path):
    kept = TrainingArtifacts(tmp_path, 7)
    outputs = [np.arange(6.0).reshape(3, 2), np.zeros((0, 2))]
    kept.keep(outputs, ("Own", "Other"))
    assert all(map(np.array_equal, TrainingArtifacts(tmp_path, 7).outputs(), outputs))
    assert kept.own() == ("Own", "Other")
    assert kept.model == tmp_path / "7.keras"


def about_json() -> dict[str, Any]:
    about: dict[str, Any] = json.loads(
        json.dumps(ModelMetadata("s", 3, "accuracy", "maximize", RECIPE, ("no", "yes"), PREPROCESSING).to_json())
    )
    return about


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("classes",), "ab"),
        (("classes",), [1, None]),
        (("own",), None),
        (("trial",), "1"),
        (("scores",), []),
        (("more",), 1),
        (("preprocessing",), None),
        (("preprocessing", "center"), []),
        (("preprocessing", "center"), [1, "x"]),
        (("preprocessing", "center"), [[1.0, 2.0]]),
        (("preprocessing", "scale"), [1.0]),
        (("preprocessing", "fill"), [1.0, 2.0, 3.0]),
        (("preprocessing", "shape"), [-1]),
        (("preprocessing", "shape"), []),
        (("preprocessing", "features"), ["a"]),
        (("preprocessing", "encoders"), []),
        (("preprocessing", "encoders"), {"b": "x"}),
        (("preprocessing", "encoders"), {"b": {"kind": "code", "categories": ["x"]}}),
        (("preprocessing", "encoders"), {"b": {"kind": "one_hot", "categories": "x"}}),
        (("preprocessing", "encoders"), {"b": {"kind": "date", "format": "", "reference": "soon", "cycles": []}}),
        (("recipe", "loss"), {"name": "__import__"}),
        (("recipe",), []),
    ],
)
def test_what_is_made_up_is_refused(path, value, tmp_path):
    content = about_json()
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    file = archive(tmp_path / "m.keras", keras_studies_json=json.dumps(content))
    with pytest.raises(UsageError, match="m.keras must be a saved model"):
        read_about(file)


@pytest.mark.parametrize("text", ["[" * 100_000, "1" * 10_000, '{"recipe": ' * 5_000, "null", "[]", "\ud800"])
def test_odd_json_is_refused(text, tmp_path):
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as opened:
        opened.writestr("keras_studies.json", text.encode("utf-8", "surrogatepass"))
    with pytest.raises(UsageError, match="m.keras must be a saved model"):
        read_about(tmp_path / "m.keras")


def test_a_bomb_is_refused_unread(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.keras", "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("keras_studies.json", " " * 1000)
        opened.getinfo("keras_studies.json").file_size = 3_000_000_000
    with pytest.raises(UsageError, match="claims 3,000,000,000 bytes"):
        read_about(tmp_path / "m.keras")

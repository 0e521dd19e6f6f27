"""A saved model in other formats answers as it does, or is not written."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from mock_model import PREPROCESSING, mock_model, recipe_of

from tuner.catalog import Choice, ModelChoice, Recipe, Task, build_model, resolve_head
from tuner.cli import export_command
from tuner.data import ENCODERS, DataOptions, Preprocessing, held_out, prepare
from tuner.errors import UsageError
from tuner.serving import (
    MODEL_FORMATS,
    ModelMetadata,
    export_model,
    file_prediction,
    load_saved,
    model_export,
    write_about,
)
from tuner.serving.exported_input_description import describe_rows
from tuner.serving.synthetic_rows import draw_rows

SHAPE = (4,)
DATA = {"source": "t.csv", "target": "price", "missing": "median", "text": "one_hot", "test": 0.0}


def build(inputs: tuple[int, ...], outputs: int, **options: Any) -> Any:
    import keras

    rows = keras.Input(inputs)
    hidden = keras.layers.BatchNormalization()(rows)
    return keras.Model(rows, keras.layers.Dense(outputs)(keras.layers.Dense(8, "relu")(hidden)), name="small")


def recurrent(inputs: tuple[int, ...], outputs: int, **options: Any) -> Any:
    import keras

    rows = keras.Input(inputs)
    return keras.Model(rows, keras.layers.Dense(outputs)(keras.layers.LSTM(4)(rows)), name="recurrent")


def augmented(inputs: tuple[int, ...], outputs: int, **options: Any) -> Any:
    import keras

    rows = keras.Input(inputs)
    x = keras.layers.RandomFlip()(keras.layers.RandomTranslation(0.2, 0.2)(rows))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, activation="relu")(x))
    return keras.Model(rows, keras.layers.Dense(outputs)(keras.layers.Flatten()(x)), name="augmented")


def save(folder: Path, data: dict[str, Any], make: Any = build) -> Path:
    """Save a model that was not trained, as `tuner train` saves it."""
    from tuner.refit.serving_model import TrainedNetwork, build_serving_model

    options = DataOptions.model_validate(data)
    facts, held = prepare(options, folder, 0).facts, held_out(options, folder, 0)
    loss = "mean_squared_error" if facts.task is Task.REGRESSION else "categorical_crossentropy"
    recipe = Recipe(
        task=facts.task,
        model=ModelChoice(reference="own.py:build", sha256="ab" * 32),
        head=resolve_head(loss, facts.task),
        loss=Choice(name=loss),
        optimizer=Choice(name="adam"),
        learning_rate=1e-3,
        metric="mean_squared_error" if facts.task is Task.REGRESSION else "accuracy",
        data=data,
    )
    networks = [build_model(recipe, facts.input_shape, facts.outputs, make) for _ in range(2)]
    assert held.preprocessing is not None
    file = folder / "m.keras"
    temperature = 1.5 if facts.task.classifies else None
    build_serving_model([TrainedNetwork(one, recipe, 0.5) for one in networks], held, temperature).save(file)
    about = ModelMetadata("s", 1, recipe.metric, "maximize", recipe, facts.classes, held.preprocessing)  # type: ignore[arg-type]
    write_about(file, about)
    return file


def write_table(folder: Path, shift: float = 0.0) -> None:
    lines = ["area,colour,rooms,price"]
    for row in range(80):
        area = "" if row % 7 == 0 else f"{50 + row + shift}"
        lines.append(f"{area},{('red', 'green', 'blue')[row % 3]},{row % 4},{1e5 + 1e3 * row}")
    (folder / "t.csv").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    write_table(folder)
    return save(folder, DATA)


@pytest.mark.slow
@pytest.mark.parametrize("kind", MODEL_FORMATS)
def test_it_answers_as_the_saved_model(kind: str, model: Path, tmp_path: Path) -> None:
    wanted = MODEL_FORMATS[kind]
    if any(importlib.util.find_spec(name) is None for name in wanted.modules) and os.environ.get("CI") != "true":
        pytest.skip(f"needs {wanted.modules}")
    output = tmp_path / f"best{wanted.suffix}"
    done = export_model(model, kind, output, check=str(model.parent / "t.csv"), force=False)
    assert done.rows == 80
    assert done.difference <= (0 if wanted.dtype == "float64" else 1.0), "of 80,000"
    assert export_model(model, kind, output, check=None, force=True).rows == model_export.ROWS
    about = json.loads(done.description.read_text(encoding="utf-8"))
    assert about["input"] == {"dtype": wanted.dtype, "shape": [None, 5]}
    red = [[60.0, 2.0, 0.0, 0.0, 1.0]]
    assert [column["first"] for column in about["columns"]] == [0, 1, 2]
    assert about["columns"][2]["categories"] == ["blue", "green", "red"]
    expected = load_saved(model).predict(pandas.DataFrame({"area": [60.0], "rooms": [2], "colour": ["red"]}))
    found = wanted.load(output)(np.array(red, wanted.dtype))
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-6)
    left = [path.name for path in tmp_path.iterdir()]
    assert sorted(left) == ([output.name] if not wanted.suffix else [output.name, f"{output.name}.json"])


@pytest.mark.slow
def test_litert_needs_nothing_of_tensorflow(model: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    export_model(model, "litert", tmp_path / "m.tflite", check=None, force=False)
    with pytest.warns(UserWarning, match="is deprecated"):
        found = {row["op_name"] for row in tf.lite.Interpreter(str(tmp_path / "m.tflite"))._get_ops_details()}
    assert {"NOT_EQUAL", "SELECT_V2", "FULLY_CONNECTED"} <= found
    assert not [name for name in found if name.startswith("Flex")]
    assert "CAST" not in found, "all of it is in float32"


@pytest.mark.slow
def test_a_recurrent_network_takes_one_row_at_a_time(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(60, 5, 2))
    np.savez(tmp_path / "s.npz", x=x, y=np.arange(60) % 3)
    model = save(tmp_path, {"source": "s.npz"}, recurrent)
    done = export_model(model, "litert", tmp_path / "m.tflite", check=None, force=False)
    assert done.difference < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("kind", MODEL_FORMATS)
def test_images_are_not_augmented(kind: str, tmp_path: Path) -> None:
    """Keras exports a plain call, and that of a layer like `RandomFlip` is training by default."""
    wanted = MODEL_FORMATS[kind]
    if any(importlib.util.find_spec(name) is None for name in wanted.modules) and os.environ.get("CI") != "true":
        pytest.skip(f"needs {wanted.modules}")
    x = np.random.default_rng(0).uniform(0.0, 255.0, (60, 8, 8, 1))
    np.savez(tmp_path / "s.npz", x=x, y=np.arange(60) % 3)
    model, output = save(tmp_path, {"source": "s.npz"}, augmented), tmp_path / f"best{wanted.suffix}"
    assert export_model(model, kind, output, check=None, force=False).difference < 1e-5
    found = wanted.load(output)(x.astype(wanted.dtype))
    np.testing.assert_allclose(found, load_saved(model).scores(x), atol=1e-5)


@pytest.mark.slow
def test_a_difference_in_float64_is_not_put_down_to_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "s.npz", x=np.random.default_rng(0).normal(size=(60, 5)), y=np.arange(60) % 3)
    model = save(tmp_path, {"source": "s.npz"})
    monkeypatch.setattr(model_export, "_TOLERANCE", -1.0)
    with pytest.raises(UsageError, match=r"up to 0 apart\. A layer computes something else when it is exported"):
        export_model(model, "savedmodel", tmp_path / "m", check=None, force=False)


@pytest.mark.slow
def test_what_float32_cannot_hold_is_not_written(tmp_path: Path) -> None:
    write_table(tmp_path, shift=1e10)
    model = save(tmp_path, DATA)
    with pytest.raises(UsageError, match=r"on 256 rows its predictions are up to .* apart.*use --format savedmodel"):
        export_model(model, "litert", tmp_path / "m.tflite", check=None, force=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.keras", "t.csv"]
    assert export_model(model, "savedmodel", tmp_path / "m", check=None, force=False).difference == 0


def test_rows_are_drawn_around_those_of_the_study() -> None:
    given = Preprocessing(
        np.zeros(5),
        np.array([1e3, 0, 0, 0, 0]),
        np.array([10.0, 1, 1, 1, 1]),
        (5,),
        ("a", "b", "c=x", "c=y", "c=z"),
        {"c": ENCODERS["one_hot"].from_json({"categories": ["x", "y", "z"]})},
    )
    x = draw_rows(given, (5,), 500)
    assert np.nanmin(x[:, 0]) > 960
    assert abs(np.nanmean(x[:, 0]) - 1e3) < 2
    assert 0.02 < np.isnan(x[:, :2]).mean() < 0.1
    assert (x[:, 2:].sum(axis=1) == 1).all()
    assert np.nanmin(x[:, 1]) >= 0
    ordinal = ENCODERS["ordinal"].from_json({"categories": ["x", "y", "z"]})
    codes = Preprocessing(None, np.zeros(2), np.ones(2), (2,), ("a", "c"), {"c": ordinal})
    assert set(draw_rows(codes, (2,), 100)[:, 1]) == {0, 1, 2}


@pytest.mark.parametrize(
    ("task", "classes", "outputs", "expected"),
    [
        (Task.BINARY, ("no", "yes"), 1, [{"kind": "probability", "name": "yes"}]),
        (Task.MULTICLASS, ("a", "b"), 2, [{"kind": "probability", "name": name} for name in "ab"]),
        (Task.REGRESSION, (), 1, [{"kind": "value", "name": "y"}]),
        (Task.REGRESSION, (), 2, [{"kind": "value", "name": name} for name in "01"]),
    ],
)
def test_what_goes_in_and_comes_out_is_described(
    task: Task, classes: tuple[str, ...], outputs: int, expected: list[dict[str, str]]
) -> None:
    about = ModelMetadata("s", 3, "accuracy", "maximize", recipe_of(task, target="y"), classes, PREPROCESSING)
    found = describe_rows(about, SHAPE, outputs, "float32")
    assert found["output"] == expected
    assert found["columns"][0] == {"name": "age", "first": 0, "kind": "number", "missing": None}
    assert found["columns"][2] == {
        "name": "city",
        "first": 2,
        "kind": "one_hot",
        "categories": ["Oslo", "Rome"],
        "had_missing": False,
        "unknown": 0,
    }
    assert found["missing_values"] == ["?"]


def test_the_command_knows_the_formats() -> None:
    choice = next(option for option in export_command.command.params if option.name == "kind").type
    assert list(choice.choices) == ["json", "toml", "python", "csv", *MODEL_FORMATS]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "output", "words"),
    [
        ("onnx", "m.tflite", r"must end in \.onnx, but got"),
        ("litert", "there.tflite", "already exists"),
        ("litert", "beside.tflite", r"beside.tflite.json already exists"),
        ("savedmodel", "there", "holds something else"),
        ("savedmodel", "saved", "replace it with --force"),
        ("savedmodel", "nowhere/m", "parent folder must exist, but nowhere does not"),
    ],
)
def test_places_that_cannot_be_written(
    kind: str, output: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = mock_model(tmp_path, monkeypatch)()
    for name in ("there", "saved"):
        (tmp_path / name).mkdir()
    for name in ("there.tflite", "beside.tflite.json", "saved/keras_studies.json"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=words):
        export_model(Path(model), kind, Path(output), check=None, force=False)


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tuner.serving.model_formats.importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"needs tf2onnx, onnx, onnxruntime, .* pip install '\.\[onnx\]' in the"):
        export_model(tmp_path / "m.keras", "onnx", tmp_path / "m.onnx", check=None, force=False)


def test_what_cannot_be_converted_is_one_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = mock_model(tmp_path, monkeypatch)()
    monkeypatch.setattr(model_export, "load_saved", file_prediction.load_saved)
    with pytest.raises(UsageError, match=r"can be written as savedmodel, but cannot: AttributeError: .*Use another"):
        export_model(Path(model), "savedmodel", tmp_path / "out", check=None, force=False)
    assert not (tmp_path / "out").exists()

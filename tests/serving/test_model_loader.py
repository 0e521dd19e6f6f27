"""Model files of strangers, as Keras would load them."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tuner.catalog import Choice, ModelChoice, Recipe, Task
from tuner.data import Preprocessing
from tuner.errors import UsageError
from tuner.serving import ModelMetadata, load_saved, write_about

RECIPE = Recipe(
    task=Task.BINARY,
    model=ModelChoice(reference="models/mlp.py", sha256="ab" * 32),
    head="sigmoid",
    loss=Choice(name="binary_crossentropy"),
    optimizer=Choice(name="adam"),
    learning_rate=0.01,
    metric="accuracy",
)
ABOUT = ModelMetadata(
    "s",
    3,
    "accuracy",
    "maximize",
    RECIPE,
    ("no", "yes"),
    Preprocessing(None, np.zeros(2), np.ones(2), (2,), ("a", "b")),
)
pytestmark = pytest.mark.slow

WEIGHTS = "model.weights.h5"
Change = Callable[[dict[str, bytes]], None]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The parts of a good file."""
    import keras

    rows = keras.Input((2,))
    model = keras.Model(rows, keras.layers.Dense(1, activation="sigmoid")(keras.layers.Dense(3)(rows)))
    file = tmp_path_factory.mktemp("good") / "m.keras"
    model.save(file)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def saved(parts: dict[str, bytes], file: Path) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    write_about(file, ABOUT)
    return file


def config(change: Callable[[Any], None]) -> Change:
    """Change the configuration of the first dense layer."""

    def apply(parts: dict[str, bytes]) -> None:
        content = json.loads(parts["config.json"])
        change(content["config"]["layers"][1])
        parts["config.json"] = json.dumps(content).encode()

    return apply


def replace(name: str, content: bytes) -> Change:
    return lambda parts: parts.update({name: content})


def weights(shape: tuple[int, ...]) -> bytes:
    """A weights file that claims a large array and stores nothing of it."""
    import h5py

    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        opened.create_dataset("layers/dense/vars/0", shape, "f4", chunks=(1000,) * len(shape))
    return file.getvalue()


CHANGES: dict[str, tuple[Change, str]] = {
    "units": (config(lambda layer: layer["config"].update(units=10**9)), "more weights than the file holds"),
    "many objects": (
        replace("config.json", b'{"class_name":"a","x":[' + b'{"class_name":0},' * 90_000 + b"0]}"),
        "90,001 objects",
    ),
    "lambda": (
        config(lambda layer: layer.update(class_name="Lambda", config={"name": "x", "function": "eval"})),
        "must be a model that Keras can load",
    ),
    "os.system": (
        config(lambda layer: layer.update(module="os", class_name="system", registered_name=None)),
        "must be a model that Keras can load",
    ),
    "a layer": (
        replace("config.json", b'{"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}}'),
        "must be a model that Keras can load",
    ),
    "no model": (replace("config.json", b"[]"), "must be a model that Keras can load"),
    "deep": (replace("config.json", b"[" * 100_000), "nested too deep"),
    "cut weights": (
        lambda parts: parts.update({"model.weights.h5": parts["model.weights.h5"][:900]}),
        "Keras can load",
    ),
    "no weights": (lambda parts: parts.pop(WEIGHTS) and None, "Keras can load"),
    "claimed weights": (replace(WEIGHTS, weights((10**6, 10**6))), "claims more than the"),
}


def test_a_good_file_is_loaded(good: dict[str, bytes], tmp_path: Path) -> None:
    found = load_saved(saved(good, tmp_path / "m.keras"))
    assert found.scores(np.zeros((3, 2))).shape == (3, 1)


def test_classes_that_are_not_those_of_the_model_are_refused(good: dict[str, bytes], tmp_path: Path) -> None:
    file = saved(good, tmp_path / "m.keras")
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    about = json.loads(parts["keras_studies.json"])
    about["classes"] = ["no"]
    parts["keras_studies.json"] = json.dumps(about).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(UsageError, match="gives 1 outputs, and it names 1 classes"):
        load_saved(file)


@pytest.mark.parametrize("name", CHANGES)
def test_a_hostile_file_is_refused_at_once(name: str, good: dict[str, bytes], tmp_path: Path) -> None:
    change, words = CHANGES[name]
    parts = dict(good)
    change(parts)
    began = time.process_time()
    with pytest.raises(UsageError, match=words):
        load_saved(saved(parts, tmp_path / "m.keras"))
    assert time.process_time() - began < 5
    import keras

    assert keras.Variable.__init__.__name__ == "__init__", "the limit is gone"

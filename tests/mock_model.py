"""A saved model that needs no Keras, for the tests of what answers tables by it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tuner.catalog import BuildableRecipe, Choice, ModelChoice, Task
from tuner.data import ENCODERS, Preprocessing
from tuner.serving import ModelMetadata, SavedModel, file_prediction, write_about

PREPROCESSING = Preprocessing(
    None,
    np.zeros(4),
    np.ones(4),
    (4,),
    ("age", "size", "city=Oslo", "city=Rome"),
    {"city": ENCODERS["one_hot"].from_json({"categories": ["Oslo", "Rome"], "had_missing": False})},
    ("?",),
)


def recipe_of(task: Task, **data: Any) -> BuildableRecipe:
    return BuildableRecipe(
        task=task,
        model=ModelChoice(reference="models/mlp.py", sha256="ab" * 32),
        head="linear",
        loss=Choice(name="mean_squared_error"),
        optimizer=Choice(name="adam"),
        learning_rate=0.01,
        metric="mean_squared_error" if task is Task.REGRESSION else "accuracy",
        data=data,
    )


class AgeModel:
    """A model that answers `age / 100`, with `outputs` columns of it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        self.input_shape, self.output_shape = (None, inputs), (None, outputs)

    def predict_on_batch(self, x: np.ndarray) -> np.ndarray:
        return np.repeat(x[:, :1] / 100, self.output_shape[1], axis=1).astype(np.float32) * np.arange(
            1, self.output_shape[1] + 1, dtype=np.float32
        )


def mock_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that writes `m.keras` in a folder, the current one from now on.

    It takes the preprocessing besides, another network than `AgeModel`, and what the section [data] says.
    """
    monkeypatch.chdir(folder)

    def make(
        task: Task = Task.BINARY,
        classes: tuple[str, ...] = ("no", "=yes"),
        outputs: int = 1,
        preprocessing: Preprocessing = PREPROCESSING,
        network: Any = None,
        **data: Any,
    ) -> str:
        with zipfile.ZipFile("m.keras", "w") as archive:
            archive.writestr("config.json", "{}")
        about = ModelMetadata("s", 3, "accuracy", "maximize", recipe_of(task, **data), classes, preprocessing)
        write_about(Path("m.keras"), about)
        saved = SavedModel(network or AgeModel(4, outputs), about)
        monkeypatch.setattr(file_prediction, "load_saved", lambda file: saved)
        return "m.keras"

    return make

"""A network that `tuner train` cannot save is found by the first trial, not after the whole search."""

from __future__ import annotations

import queue
from pathlib import Path
from typing import Any

import pytest

from tuner.data import DataOptions, prepare
from tuner.engines import ENGINES
from tuner.protocol import Job, JobFinished, ModelWarned, WorkerConfig
from tuner.protocol.wire_format import parse_event
from tuner.study import read_study_dict, resolve_recipe
from tuner.worker import Worker

pytestmark = pytest.mark.slow

MODEL = """
import keras

BUILT = []


def build(inputs, outputs, *, activation, initializer):
    BUILT.append(1)
    rows = keras.Input(inputs)
    return keras.Model(rows, keras.layers.Dense(outputs)(LAYER(rows)))
"""
LAMBDA = "keras.layers.Lambda(lambda x: 2 * x)"


def train(folder: Path, model: str, number: int = 0) -> list[Any]:
    """Return the events of a trial of a worker that is new."""
    (folder / "own.py").write_text(model, encoding="utf-8")
    content = {"name": "s", "model": "own.py", "data": {"source": "iris"}, "search": {"learning_rate": [0.05, 0.1]}}
    spec = read_study_dict({**content, "budget": {"trials": 1, "epochs": 1}}, folder)
    data = spec.data.model_dump(mode="json")
    place = WorkerConfig(folder, "fit", data, spec.facts.sha256, spec.facts.input_shape, 0)
    prepared = prepare(DataOptions.model_validate(data), folder, 0)
    found: list[Any] = []
    worker = Worker(queue.SimpleQueue(), lambda message: found.append(parse_event(message)))
    recipe = resolve_recipe(spec, {"learning_rate": 0.05}, 3).to_json()
    worker.train(Job(number, recipe), place, ENGINES["fit"].make(), prepared)
    assert isinstance(found[-1], JobFinished)
    return found


@pytest.mark.parametrize(
    ("layer", "number", "said"),
    [
        (LAMBDA, 0, ["own.py:build has a Lambda layer. Compute the same with functions of keras.ops"]),
        (LAMBDA, 1, []),
        ("keras.layers.ReLU()", 0, []),
    ],
)
def test_the_first_trial_warns(tmp_path: Path, layer: str, number: int, said: list[str]) -> None:
    events = train(tmp_path, MODEL.replace("LAYER", layer), number)
    found = [event.text for event in events if isinstance(event, ModelWarned)]
    assert len(found) == len(said)
    for text, part in zip(found, said, strict=True):
        assert text.startswith(
            "The search can train this model, but `tuner train` cannot save it. A trained model must"
        )
        assert part in text


def test_a_model_that_cannot_be_built_again_ends_no_trial(tmp_path: Path) -> None:
    text = MODEL.replace("LAYER", "keras.layers.ReLU()").replace(
        "    rows =", "    if len(BUILT) > 1:\n        raise ValueError('once')\n    rows ="
    )
    (found,) = (event.text for event in train(tmp_path, text) if isinstance(event, ModelWarned))
    assert found == "The search can train this model, but `tuner train` cannot save it. ValueError: once"

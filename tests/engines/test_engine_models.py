"""After a training each engine gives a Keras model that answers what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tuner.catalog import METRICS, Choice, ModelChoice, Recipe, Task
from tuner.data import DataOptions, prepare
from tuner.engines import ENGINES, TrainingTask
from tuner.user_code import Reference, load

pytestmark = pytest.mark.slow


def recipe_of(seed: int, **options: Any) -> Recipe:
    return Recipe(
        task=Task.MULTICLASS,
        model=ModelChoice(reference="models/mlp.py", sha256="", options={"units": [16], **options}),
        head="softmax",
        loss=Choice(name="categorical_crossentropy"),
        optimizer=Choice(name="adam"),
        learning_rate=3e-3,
        l2=1e-4,
        metric="log_loss",
        epochs=2,
        seed=seed,
    )


@pytest.mark.parametrize("name", [row.name for row in ENGINES.values() if row.trains_standard])
def test_the_model_is_the_one_that_was_measured(name: str, tmp_path: Path) -> None:
    engine = ENGINES[name].make()
    with pytest.raises(RuntimeError, match="nothing was trained yet"):
        engine.trained_model()
    prepared = prepare(DataOptions(source="iris"), tmp_path, 0)
    (split,) = prepared.splits
    build = load(tmp_path, Reference.parse("models/mlp.py", "build"))
    kept = []
    for seed in (1, 2):
        recipe = recipe_of(seed, batch_norm=True, dropout=0.1)
        training = engine.train(TrainingTask(recipe, split, prepared.facts, build), lambda record: True)
        kept.append((engine.trained_model(), recipe, training.value))
    assert engine.last_engine == ("compiled" if name == "auto" else name)
    for model, recipe, value in kept:  # a later training changes no earlier model
        scores = recipe.scores(model.predict(split.validation.x, verbose=0))
        truth = split.validation.y.astype(np.float64)
        assert METRICS["log_loss"].compute(truth, scores, None, Task.MULTICLASS) == pytest.approx(value, rel=1e-5)

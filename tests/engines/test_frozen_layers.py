"""Both engines train a network with frozen layers of a saved model alike, and leave these as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import oracle
import pytest
from test_compiled_equality import assert_equal

from tuner.catalog import ModelChoice, Task
from tuner.engines import ENGINES
from tuner.user_code import Reference, load

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.slow

SHAPE = (8, 8, 1)
LAYERS = ("conv_1/kernel", "conv_1_norm/gamma", "conv_1_norm/moving_mean", "dense/kernel")


def test_frozen_layers_stay_as_they_are_bit_for_bit(tmp_path: Path) -> None:
    """With a penalty on all kernels, and weight decay, which must not reach them."""
    cnn = load(oracle.PROJECT, Reference("models/cnn.py", "build"))
    body = cnn(SHAPE, 5, activation="relu", initializer="he_normal", filters=(3, 4), dense=6, batch_norm=True)
    body.save(tmp_path / "body.keras")
    engine, (split, facts) = ENGINES["compiled"].make(), oracle.data(Task.MULTICLASS, shape=SHAPE)
    for frozen, layers in ((1, LAYERS[:3]), (3, LAYERS)):
        model = ModelChoice(
            reference="models/pretrained.py",
            sha256="",
            options={"body": str(tmp_path / "body.keras"), "frozen": frozen, "units": 4},
        )
        recipe = oracle.recipe("categorical_crossentropy", "adamw", model=model, l2=1e-2, weight_decay=0.1)
        assert_equal(engine, recipe, split, facts, in_all_ways=False)
        for layer in layers:
            before, after = (
                next(weight.numpy() for weight in one.weights if weight.path.endswith(layer))
                for one in (body, engine.trained_model())
            )
            np.testing.assert_array_equal(after, before)

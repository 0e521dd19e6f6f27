"""An embedding behind scaled features is refused, and no other one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from tuner.catalog import Choice, ModelChoice, Recipe, Task, build_model
from tuner.errors import ContentError

LENGTH = 6


class Tokens(layers.Layer):
    """Embeds tokens and their positions, as layers of text models do."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.positions = layers.Embedding(9, 4), layers.Embedding(LENGTH, 4)

    def call(self, x: Any) -> Any:
        return self.tokens(x) + self.positions(ops.arange(LENGTH))


class Patches(layers.Layer):
    """Embeds positions alone, as layers of vision models do."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.positions = layers.Dense(4), layers.Embedding(LENGTH, 4)

    def call(self, x: Any) -> Any:
        return self.patches(x[..., None]) + self.positions(ops.arange(LENGTH))


class OwnKind(layers.Embedding):
    """An embedding of somebody else."""


def nested(x: Any) -> Any:
    return keras.Sequential([layers.Reshape((LENGTH,)), layers.Embedding(9, 4)])(x)


REFUSED: dict[str, Callable[[Any], Any]] = {
    "embedding": lambda x: layers.Embedding(9, 4)(x),
    "subclass": lambda x: OwnKind(9, 4)(x),
    "cast": lambda x: layers.Embedding(9, 4)(ops.cast(x, "int32")),
    "one column": lambda x: layers.Embedding(9, 4)(x[:, :1]),
    "nested": nested,
    "inside a layer": lambda x: Tokens()(x),
    "category": lambda x: layers.CategoryEncoding(9, "multi_hot")(x),
    "one_hot": lambda x: ops.one_hot(ops.cast(x, "int32"), 9),
}
TAKEN: dict[str, Callable[[Any], Any]] = {
    "dense": lambda x: layers.Dense(4)(x),
    "positions": lambda x: Patches()(x),
    "bins": lambda x: layers.Embedding(5, 4)(layers.Discretization(bin_boundaries=[-1.0, 0.0, 1.0])(x)),
    "made whole": lambda x: layers.Embedding(9, 4)(ops.round(ops.relu(x))),
}


def built(part: Callable[[Any], Any], **data: Any) -> keras.Model:
    def build(inputs: tuple[int, ...], outputs: int, **options: Any) -> keras.Model:
        rows = keras.Input(inputs)
        return keras.Model(rows, layers.Dense(outputs)(layers.Flatten()(part(rows))))

    recipe = Recipe(
        task=Task.MULTICLASS,
        model=ModelChoice(reference="models/own.py:build", sha256=""),
        head="softmax",
        loss=Choice(name="categorical_crossentropy"),
        optimizer=Choice(name="adam"),
        learning_rate=0.01,
        metric="accuracy",
        data=data,
    )
    return build_model(recipe, (LENGTH,), 3, build)


@pytest.mark.parametrize("name", REFUSED)
def test_what_looks_scaled_features_up_is_refused(name: str) -> None:
    with pytest.raises(ContentError, match=r'^The layer .* of models/own.py:build looks .*Set scale = "none"'):
        built(REFUSED[name], scale="standardize")
    built(REFUSED[name], scale="none")
    built(REFUSED[name])


@pytest.mark.parametrize("name", TAKEN)
def test_other_models_are_taken_as_they_were(name: str) -> None:
    plain, checked = built(TAKEN[name], scale="none"), built(TAKEN[name], scale="minmax")
    rows = np.random.default_rng(0).normal(size=(4, LENGTH)).astype("float32")
    np.testing.assert_array_equal(plain.predict_on_batch(rows), checked.predict_on_batch(rows))


def test_a_model_that_takes_no_such_row_is_left_to_the_training() -> None:
    def part(x: Any) -> Any:
        return layers.Embedding(9, 4)(Picky()(x))

    assert built(part, scale="robust").count_params() > 0


class Picky(layers.Layer):
    """Fails for rows that are not its own."""

    def call(self, x: Any) -> Any:
        if not isinstance(x, keras.KerasTensor) and not hasattr(x, "graph"):
            raise ValueError("only rows of mine")
        return x

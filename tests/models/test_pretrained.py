"""`models/pretrained.py`: what it takes of a saved model, and what stays frozen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tuner import user_code
from tuner.user_code import Reference

PROJECT = Path(__file__).parents[2]
REFERENCE = Reference("models/pretrained.py", "build")
SHAPE = (8, 8, 1)
Build = Callable[..., keras.Model]


def unregistered_loss(y: Any, predicted: Any) -> Any:
    """A loss that no Keras name stands for."""
    return keras.ops.mean(predicted - y)


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Saved models: a network with its head, the same behind preprocessing, and two side by side."""
    keras.utils.set_random_seed(3)
    folder = tmp_path_factory.mktemp("bodies")
    cnn = user_code.load(PROJECT, Reference("models/cnn.py", "build"))
    raw = cnn(SHAPE, 5, activation="relu", initializer="he_normal", filters=(3, 4), dense=6, batch_norm=True)
    network = keras.Model(raw.inputs[0], keras.layers.Activation("softmax", name="head")(raw.outputs[0]), name="cnn")
    rows = keras.Input((64,), dtype="float64", name="rows")
    x = keras.ops.where(keras.ops.isnan(rows), 2.0, rows)
    x = keras.layers.Normalization(mean=[2.0] * 64, variance=[4.0] * 64, dtype="float64", name="scale")(x)
    x = keras.layers.Reshape(SHAPE, dtype="float64")(x)
    other = keras.models.clone_model(network)
    other.name = "cnn_2"
    saved = {
        "network": network,
        "whole": keras.Model(rows, network(x)),
        "ensemble": keras.Model(rows, keras.layers.Average()([network(x), other(x)])),
        "linear": keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]),
        "nothing": keras.Sequential([keras.Input((4,)), keras.layers.ReLU()]),
    }
    scaler = keras.Sequential([keras.Input((64,)), keras.layers.Rescaling(0.5), keras.layers.Reshape(SHAPE)])
    dense = [keras.layers.Dense(units, name=f"dense_of_{units}") for units in (3, 2)]
    saved |= {
        "chain": keras.Sequential([keras.Input((64,)), keras.layers.Rescaling(2.0), scaler, network]),
        "graph of models": keras.Model(rows, network(scaler(keras.layers.Rescaling(2.0, dtype="float64")(rows)))),
        "normalised": keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(), *dense]),
    }
    saved["compiled"] = keras.models.clone_model(network)
    saved["compiled"].compile(loss=unregistered_loss, optimizer="sgd")
    inner = keras.models.clone_model(network)
    inner.set_weights(network.get_weights())
    inner.compile(loss=unregistered_loss, optimizer="sgd")
    inner.optimizer.build(inner.trainable_variables)
    inner.optimizer.iterations.assign(7)
    saved["compiled inside"] = keras.Model(rows, inner(keras.layers.Reshape(SHAPE)(rows)))
    for name, model in saved.items():
        model.save(folder / f"{name}.keras")
    return {name: str(folder / f"{name}.keras") for name in saved}


@pytest.fixture(scope="module")
def build() -> Build:
    """The function of the file, with what is not looked at here."""
    function = user_code.load(PROJECT, REFERENCE)

    def built(body: str, inputs: tuple[int, ...] = SHAPE, outputs: int = 3, **options: Any) -> keras.Model:
        keras.utils.set_random_seed(options.pop("seed", 0))
        return function(inputs, outputs, activation="tanh", initializer="he_normal", body=body, **options)

    return built


@pytest.mark.parametrize(("frozen", "trained"), [(0, 10), (1, 7), (2, 4), (3, 2), (None, 2)])
@pytest.mark.parametrize("name", ["network", "whole"])
def test_layers_are_frozen_with_the_normalisation_behind_them(
    bodies: dict[str, str], build: Build, name: str, frozen: int | None, trained: int
) -> None:
    model = build(bodies[name], SHAPE if name == "network" else (64,), frozen=frozen)
    # kernel, gamma and beta of two convolutions, kernel and bias of the dense layer and of the outputs
    assert len(model.trainable_weights) == trained
    assert model.output_shape == (None, 3)
    assert not model.compiled


def test_rows_go_through_what_is_in_front_of_the_network(bodies: dict[str, str], build: Build) -> None:
    rows = np.random.default_rng(0).normal(2.0, 2.0, size=(5, 64)).astype("float32")
    scaled = ((rows - 2.0) / 2.0).reshape(-1, *SHAPE)
    whole, network = build(bodies["whole"], (64,)), build(bodies["network"])
    np.testing.assert_allclose(whole(rows), network(scaled), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["chain", "graph of models"])
def test_models_one_after_the_other_are_a_body(bodies: dict[str, str], build: Build, name: str) -> None:
    rows = np.random.default_rng(0).normal(size=(5, 64)).astype("float32")
    chain, network = build(bodies[name], (64,), frozen=1), build(bodies["network"], frozen=1)
    np.testing.assert_allclose(chain(rows), network(rows.reshape(-1, *SHAPE)), rtol=1e-4, atol=1e-5)
    assert len(chain.trainable_weights) == len(network.trainable_weights)


def test_the_loss_of_a_body_need_not_be_known(bodies: dict[str, str], build: Build) -> None:
    assert build(bodies["compiled"]).output_shape == (None, 3)
    outer = build(bodies["compiled inside"], (64,))
    assert outer.output_shape == (None, 3)
    found, expected = (model.get_layer("body").get_weights() for model in (outer, build(bodies["network"])))
    for value, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(value, other)


@pytest.mark.parametrize(("frozen", "trained"), [(0, 6), (1, 2)])
def test_a_normalisation_before_the_first_kernel_trains_if_nothing_is_frozen(
    bodies: dict[str, str], build: Build, frozen: int, trained: int
) -> None:
    # gamma and beta, kernel and bias of the dense layer and of the outputs
    assert len(build(bodies["normalised"], (4,), frozen=frozen).trainable_weights) == trained


def test_a_tuned_network_is_a_body_again(bodies: dict[str, str], build: Build, tmp_path: Path) -> None:
    model = build(bodies["whole"], (64,), units=7, dropout=0.2, frozen=1)
    model.save(tmp_path / "again.keras")
    again = build(str(tmp_path / "again.keras"), (64,), frozen=0)
    assert len(again.trainable_weights) == len(model.trainable_weights) + 3  # the first convolution as well
    assert [layer.name for layer in again.layers] == ["inputs", "body", "outputs"]


def test_the_seed_decides_the_new_layers_alone(bodies: dict[str, str], build: Build) -> None:
    one, same, other = (build(bodies["network"], seed=seed, units=4).get_weights() for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    differ = [not np.array_equal(a, b) for a, b in zip(one, other, strict=True)]
    assert differ == [False] * (len(one) - 4) + [True, False, True, False]  # kernels; biases start at 0


@pytest.mark.parametrize(
    ("name", "inputs", "options", "message"),
    [
        ("network", (64,), {}, r"takes rows of shape \(8, 8, 1\), but got rows of shape \(64,\)\. Set data\.shape"),
        ("ensemble", (64,), {}, "one chain of layers, but .* several networks side by side. Save one of them"),
        ("linear", (4,), {}, "a layer with weights before its last one, but .* has one"),
        ("nothing", (4,), {}, "a model of layers with weights, but .* has none"),
        ("network", SHAPE, {"frozen": 4}, "`frozen` must be a whole number from 0 to 3, .* but got 4. Give 0 to train"),
        ("network", SHAPE, {"frozen": True}, "`frozen` must .* but got True"),
        ("network", SHAPE, {"units": -1}, "`units` must .* but got -1. Give 0 for no layer"),
        ("network", SHAPE, {"dropout": 1.0}, "`dropout` must be a share, .* but got 1.0. Give "),
        ("network", SHAPE, {"outputs": 0}, "`outputs >= 1` must hold, but got outputs=0. Give "),
    ],
)
def test_what_cannot_be_used_is_refused(
    bodies: dict[str, str], build: Build, name: str, inputs: tuple[int, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        build(bodies[name], inputs, **options)

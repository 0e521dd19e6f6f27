"""Initializers, activations and clipping as Keras builds them."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tuner.catalog import ACTIVATIONS, CLIPPINGS, INITIALIZERS, initializer_advice
from tuner.errors import UnknownNameError

FAN_IN, FAN_OUT = 300, 200

STDDEV = {
    "glorot_uniform": np.sqrt(2 / (FAN_IN + FAN_OUT)),
    "glorot_normal": np.sqrt(2 / (FAN_IN + FAN_OUT)),
    "he_uniform": np.sqrt(2 / FAN_IN),
    "he_normal": np.sqrt(2 / FAN_IN),
    "lecun_uniform": np.sqrt(1 / FAN_IN),
    "lecun_normal": np.sqrt(1 / FAN_IN),
    "orthogonal": np.sqrt(1 / FAN_IN),
    "random_normal": 0.05,
    "truncated_normal": 0.05 * 0.8796,  # of a standard normal cut at two standard deviations
    "random_uniform": 0.05 / np.sqrt(3),
}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_weights_have_the_variance_that_the_row_states(name: str) -> None:
    row = INITIALIZERS[name]
    keras.utils.set_random_seed(5)
    weights = keras.ops.convert_to_numpy(row.build(**row.defaults())((FAN_IN, FAN_OUT)))
    assert weights.std() == pytest.approx(STDDEV[name], rel=0.02)
    assert abs(weights.mean()) < 0.05 * weights.std()


@pytest.mark.parametrize("name", INITIALIZERS)
def test_options_scale_the_weights(name: str) -> None:
    row = INITIALIZERS[name]
    for option in row.options:
        keras.utils.set_random_seed(5)
        one = keras.ops.convert_to_numpy(row.build(**{option.name: option.default})((20, 30)))
        keras.utils.set_random_seed(5)
        three = keras.ops.convert_to_numpy(row.build(**{option.name: 3 * option.default})((20, 30)))
        np.testing.assert_allclose(three, 3 * one, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_an_initializer_survives_serialisation_without_a_seed(name: str) -> None:
    built = INITIALIZERS[name].build(**INITIALIZERS[name].defaults())
    again = keras.initializers.deserialize(keras.initializers.serialize(built))
    assert type(again) is type(built)
    assert again.get_config() == built.get_config()
    assert again.get_config()["seed"] is None


@pytest.mark.parametrize(
    ("initializer", "activation", "better"),
    [
        ("he_normal", "tanh", "glorot_uniform or glorot_normal"),
        ("glorot_uniform", "relu", "he_uniform or he_normal"),
        ("lecun_normal", "relu", "he_uniform or he_normal"),
        ("he_uniform", "selu", "lecun_uniform or lecun_normal"),
    ],
)
def test_advice_names_what_suits_better(initializer: str, activation: str, better: str) -> None:
    advice = initializer_advice(initializer, activation)
    assert advice is not None
    assert f"For {activation} take {better}." in advice


@pytest.mark.parametrize(
    ("initializer", "activation"),
    [
        ("he_normal", "relu"),
        ("glorot_normal", "tanh"),
        ("lecun_normal", "selu"),
        ("orthogonal", "relu"),
        ("he_normal", "x"),
    ],
)
def test_no_advice_where_there_is_nothing_to_say(initializer: str, activation: str) -> None:
    assert initializer_advice(initializer, activation) is None


def test_every_activation_is_suited_by_some_initializer() -> None:
    for activation in ACTIVATIONS:
        assert any(activation in row.suits for row in INITIALIZERS.values()), activation


def test_advice_on_an_unknown_initializer_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'he_normal'"):
        initializer_advice("he_norml", "relu")


FORMULAS = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "gelu": lambda x: x * keras.ops.convert_to_numpy((1 + keras.ops.erf(x / np.sqrt(2))) / 2),
    "swish": lambda x: x / (1 + np.exp(-x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_its_formula_and_survives_serialisation(name: str) -> None:
    x = np.linspace(-5, 5, 21)
    activation = keras.activations.get(ACTIVATIONS[name].build())
    np.testing.assert_allclose(keras.ops.convert_to_numpy(activation(x)), FORMULAS[name](x), rtol=1e-5, atol=1e-6)
    assert keras.activations.get(keras.activations.serialize(activation)) is activation


def test_clippings_are_keywords_of_keras() -> None:
    assert CLIPPINGS["none"].build() == {}
    assert CLIPPINGS["clipnorm"].build(norm=2.0) == {"clipnorm": 2.0}
    assert CLIPPINGS["clipvalue"].build(value=0.1) == {"clipvalue": 0.1}
    assert CLIPPINGS["global_clipnorm"].build(norm=3.0) == {"global_clipnorm": 3.0}
    for row in CLIPPINGS.values():
        assert row.build() == row.build(**row.defaults())

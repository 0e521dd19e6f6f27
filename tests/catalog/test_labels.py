from __future__ import annotations

import keras
import numpy as np
import pytest

from tuner.catalog import LOSSES, IntegerLabelLoss, QuantileLoss

Y = np.array([2, 0, 1, 2, 2, 1], np.int64)
X = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")


def model() -> keras.Model:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((5,))
    outputs = keras.layers.Activation("softmax")(keras.layers.Dense(3)(inputs))
    built = keras.Model(inputs, outputs)
    built.compile("sgd", LOSSES["categorical_crossentropy"].build())
    return built


def test_fit_takes_class_numbers_with_class_weights() -> None:
    """Shapes are not known in full when Keras traces `fit`: this is another path than calling the loss."""
    trained = []
    for y in (Y, Y[:, None], np.eye(3, dtype="float32")[Y]):
        built = model()
        built.fit(X, y, batch_size=4, epochs=2, shuffle=False, class_weight={0: 1.0, 1: 2.0, 2: 0.5}, verbose=0)
        trained.append(built.get_weights()[0])
    np.testing.assert_array_equal(trained[0], trained[1])
    np.testing.assert_allclose(trained[0], trained[2], rtol=1e-6)


@pytest.mark.parametrize("wrong", [3, -1, 0.5])
def test_a_number_that_is_no_class_gives_nan(wrong: float) -> None:
    loss = LOSSES["categorical_crossentropy"].build()
    y = np.array([0, wrong])
    assert np.isnan(float(loss(y, np.full((2, 3), 1 / 3))))


def test_the_wrapped_loss_gives_name_and_reduction() -> None:
    inner = keras.losses.CategoricalCrossentropy(reduction="sum", name="mine")
    loss = IntegerLabelLoss(inner)
    assert (loss.name, loss.reduction) == ("mine", "sum")
    shares = np.full((6, 3), 1 / 3)
    assert float(loss(Y, shares)) == pytest.approx(6 * np.log(3), rel=1e-6)
    again = IntegerLabelLoss.from_config(loss.get_config())
    assert float(again(Y, shares)) == pytest.approx(6 * np.log(3), rel=1e-6)


def test_a_saved_model_keeps_its_loss(tmp_path) -> None:
    built = model()
    built.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(again.loss, IntegerLabelLoss)
    assert again.evaluate(X, Y, verbose=0) == pytest.approx(built.evaluate(X, Y, verbose=0))


def test_the_minimum_of_the_quantile_loss_is_the_quantile() -> None:
    y = np.arange(1.0, 101.0)
    guesses = np.arange(0.0, 101.0, 1.0)
    values = [float(QuantileLoss(0.9)(y, np.full((100, 1), guess))) for guess in guesses]
    assert guesses[int(np.argmin(values))] == pytest.approx(90.0, abs=1.0)


def test_targets_that_do_not_fit_the_outputs_are_refused() -> None:
    with pytest.raises(Exception, match="reshape"):
        QuantileLoss()(np.zeros((4, 2)), np.zeros((4, 1)))

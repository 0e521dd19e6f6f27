"""Updates in one operation do what Keras's own do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tuner.engines.compiled.optimizer_steps import STEPS, use_one_operation  # noqa: E402

OPTIMIZERS: dict[str, tuple[type, dict[str, Any]]] = {
    "sgd": (keras.optimizers.SGD, {"learning_rate": 0.1, "momentum": 0.9}),
    "nesterov": (keras.optimizers.SGD, {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
}


def weights_after(optimizer: Any, gradients: np.ndarray) -> np.ndarray:
    variable = keras.Variable(np.ones(gradients.shape[1], np.float32))
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return np.asarray(variable)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_one_operation_does_what_keras_does(name: str) -> None:
    kind, options = OPTIMIZERS[name]
    gradients = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    ours, own = kind(**options), kind(**options)
    use_one_operation(ours)
    assert kind in STEPS
    assert ours.update_step != own.update_step, "it was replaced"
    np.testing.assert_allclose(weights_after(ours, gradients), weights_after(own, gradients), rtol=2e-5, atol=1e-6)


def test_what_has_no_operation_keeps_its_step() -> None:
    class Own(keras.optimizers.SGD):
        """A subclass may have another formula."""

    for optimizer in (
        Own(momentum=0.9),
        keras.optimizers.Adam(),
        keras.optimizers.SGD(),
        keras.optimizers.RMSprop(momentum=0.9, rho=0.9999),
        keras.optimizers.Nadam(),
    ):
        use_one_operation(optimizer)
        assert "update_step" not in vars(optimizer)

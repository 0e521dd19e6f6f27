"""Updates by TensorFlow's kernels do what Keras's own do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tuner.engines.compiled.optimizer_kernels import KERNEL_STEPS, find_kernel_step  # noqa: E402

OPTIMIZERS: dict[str, tuple[type, dict[str, Any]]] = {
    "sgd": (keras.optimizers.SGD, {"momentum": 0.9}),
    "nesterov": (keras.optimizers.SGD, {"momentum": 0.9, "nesterov": True}),
    "adam": (keras.optimizers.Adam, {}),
    "adam without momentum": (keras.optimizers.Adam, {"beta_1": 0.0}),
    "adam, large epsilon": (keras.optimizers.Adam, {"beta_2": 0.9, "epsilon": 0.1}),
    "adamw": (keras.optimizers.AdamW, {"weight_decay": 0.1}),
    "nadam": (keras.optimizers.Nadam, {}),
    "nadam, beta_2 that float32 rounds": (keras.optimizers.Nadam, {"beta_2": 0.9999, "epsilon": 0.1}),
    "rmsprop": (keras.optimizers.RMSprop, {"momentum": 0.9}),
    "rmsprop, large epsilon": (keras.optimizers.RMSprop, {"momentum": 0.5, "rho": 0.5, "epsilon": 0.1}),
}


def weights_after(optimizer: Any, gradients: np.ndarray) -> np.ndarray:
    variable = keras.Variable(np.zeros(gradients.shape[1], np.float32))
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return np.asarray(variable.value)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_kernel_does_what_keras_does(name: str) -> None:
    kind, options = OPTIMIZERS[name]
    gradients = np.random.default_rng(0).normal(size=(12, 50)).astype(np.float32)
    ours, own = kind(learning_rate=0.1, **options), kind(learning_rate=0.1, **options)
    found = find_kernel_step(ours)
    assert found is KERNEL_STEPS[kind]
    ours.update_step = found.make(ours)
    np.testing.assert_allclose(weights_after(ours, gradients), weights_after(own, gradients), rtol=2e-5, atol=2e-6)


def test_each_kernel_is_compared() -> None:
    assert {kind for kind, _ in OPTIMIZERS.values()} == set(KERNEL_STEPS)


def test_what_a_kernel_would_compute_differently_has_none() -> None:
    class Own(keras.optimizers.SGD):
        """A subclass may have another formula."""

    for optimizer in (
        Own(momentum=0.9),
        keras.optimizers.SGD(),
        keras.optimizers.Adam(amsgrad=True),
        keras.optimizers.AdamW(beta_2=0.9999),
        keras.optimizers.Adam(beta_1=0.999),
        keras.optimizers.RMSprop(),
        keras.optimizers.RMSprop(momentum=0.9, centered=True),
        keras.optimizers.RMSprop(momentum=0.9, rho=0.999999),
        keras.optimizers.RMSprop(momentum=0.9, rho=0.0),
        keras.optimizers.Adam(beta_2=0.0),
        keras.optimizers.Nadam(beta_2=0.1),
        keras.optimizers.Adamax(),
    ):
        assert find_kernel_step(optimizer) is None

"""Losses written for few operations are those of Keras, and so are their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from tuner.catalog import IntegerLabelLoss  # noqa: E402
from tuner.engines.compiled.optimized_losses import row_losses  # noqa: E402
from tuner.engines.compiled.runtime_scalar import RuntimeScalar  # noqa: E402


def outputs_and_targets() -> tuple[Any, Any]:
    """Outputs of a softmax, some of which Keras cuts at 1e-7, and one-hot targets."""
    generator = np.random.default_rng(0)
    raw = generator.normal(size=(40, 5)) * np.repeat([1.0, 40.0], 20)[:, None]
    return tf.nn.softmax(tf.constant(raw, tf.float32)), tf.one_hot(generator.integers(5, size=40), 5)


@pytest.mark.parametrize(
    "options",
    [{}, {"gamma": 0.0}, {"gamma": 1.0}, {"gamma": 3.5, "label_smoothing": 0.1}, {"alpha": 0.7, "gamma": 0.3}],
)
@pytest.mark.parametrize("scalars", [False, True])
def test_focal_crossentropy_and_its_gradient(options: dict[str, float], scalars: bool) -> None:
    outputs, y = outputs_and_targets()
    assert float(tf.reduce_min(outputs)) < keras.config.epsilon()
    plain = IntegerLabelLoss(keras.losses.CategoricalFocalCrossentropy(**options))
    given = {name: RuntimeScalar(value) if scalars and value else value for name, value in options.items()}
    shared = IntegerLabelLoss(keras.losses.CategoricalFocalCrossentropy(**given))
    upstream = tf.constant(np.random.default_rng(1).uniform(size=40), tf.float32)
    results, operations = [], []
    for compute in (plain.call, lambda y, outputs: row_losses(shared, y, outputs)):

        def both(outputs: Any, y: Any, compute: Any = compute) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(outputs)
                losses = compute(y, outputs)
            return losses, tape.gradient(losses, outputs, output_gradients=upstream)

        specs = [tf.TensorSpec((None, 5))] * 2
        traced = tf.function(both, autograph=False, input_signature=specs).get_concrete_function()
        results.append([tensor.numpy() for tensor in traced(outputs, y)])
        kinds = [node.op for node in traced.function_def.node_def]
        operations.append(sum(kind not in ("Const", "Identity", "IdentityN") for kind in kinds))
    np.testing.assert_allclose(results[1][0], results[0][0], rtol=1e-6)
    np.testing.assert_allclose(results[1][1], results[0][1], rtol=1e-4, atol=1e-6)
    assert operations[1] < 0.75 * operations[0], "identities are left out of the copies"


def test_other_losses_are_keras_s() -> None:
    outputs, y = outputs_and_targets()
    losses = keras.losses
    for loss in (losses.MeanSquaredError(), losses.CategoricalFocalCrossentropy(from_logits=True), losses.Huber()):
        np.testing.assert_array_equal(row_losses(loss, y, outputs), loss.call(y, outputs))

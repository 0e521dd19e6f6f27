"""The loop over epochs and steps, assembled from pieces: one call trains several epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tuner.engines.compiled.pieces import Piece
from tuner.engines.compiled.weights import Weights
from tuner.engines.measure import PREDICT_ROWS


def loop(
    weights: Weights,
    gradient: Piece,
    update: Piece,
    outputs: Piece,
    loss: Piece,
    rows: Sequence[tf.TensorSpec],
    in_parts: bool,
) -> Any:
    """A function `(*training rows, *validation rows, orders, rates, batch)` that trains.

    Its arguments: rows as in `row_specs`; `orders`, int32 `(E, n)`, the order of the training rows in each epoch;
    `rates`, float32 `(E * steps,)`; `batch`, int32, the rows a step.  The last step of an epoch takes what is left.

    Where `in_parts`, outputs are computed for `PREDICT_ROWS` validation rows at a time.

    It gives, for each epoch: the mean training loss over the rows, `(E,)`; the loss on the validation part after the
    epoch, `(E,)`; the outputs there, `(E, validation rows, k)`.
    """
    kinds = len(rows)

    def run(*given: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        train, validation = given[:kinds], given[kinds : 2 * kinds]
        orders, rates, batch = given[2 * kinds :]
        epochs, count = tf.shape(orders)[0], tf.shape(orders)[1]
        steps = (count + batch - 1) // batch

        def epoch(number: tf.Tensor, *found: tf.TensorArray) -> tuple[Any, ...]:
            order = orders[number]
            # All rows of the epoch at once: a gather in each step costs more than the copy.
            shuffled = [tf.gather(part, order) for part in train]

            def step(index: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                low = index * batch
                high = tf.minimum(low + batch, count)
                value, *gradients = gradient(*weights.read(), *(part[low:high] for part in shuffled))
                with tf.control_dependencies(gradients):
                    update(*gradients, rates[number * steps + index])
                return index + 1, total + value * tf.cast(high - low, tf.float32)

            _, total = tf.while_loop(lambda index, _: index < steps, step, (0, 0.0), parallel_iterations=1)
            with tf.control_dependencies([total]):
                now = [tf.identity(value) for value in weights.read()]
            answers = _in_parts(outputs, now, validation[0]) if in_parts else outputs(*now, validation[0])
            measured = (total / tf.cast(count, tf.float32), loss(answers, *validation[1:]), answers)
            return number + 1, *(array.write(number, value) for array, value in zip(found, measured, strict=True))

        arrays = [tf.TensorArray(tf.float32, size=epochs) for _ in range(3)]
        _, *found = tf.while_loop(lambda number, *_: number < epochs, epoch, (0, *arrays), parallel_iterations=1)
        losses, validation_losses, answers = (array.stack() for array in found)
        return losses, validation_losses, answers

    signature = [
        *rows,
        *rows,
        tf.TensorSpec((None, None), tf.int32),
        tf.TensorSpec((None,), tf.float32),
        tf.TensorSpec((), tf.int32),
    ]
    return tf.function(run, autograph=False, input_signature=signature).get_concrete_function()


def _in_parts(outputs: Piece, values: Sequence[tf.Tensor], x: tf.Tensor) -> tf.Tensor:
    """Outputs for all rows, some at a time: the activations of all of them may not fit into memory."""
    count = tf.shape(x)[0]
    parts = (count + PREDICT_ROWS - 1) // PREDICT_ROWS

    def part(index: tf.Tensor, found: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        low = index * PREDICT_ROWS
        high = tf.minimum(low + PREDICT_ROWS, count)
        return index + 1, found.write(index, outputs(*values, x[low:high]))

    found = tf.TensorArray(tf.float32, size=parts, infer_shape=False)
    _, found = tf.while_loop(lambda index, _: index < parts, part, (0, found), parallel_iterations=1)
    return found.concat()

"""Integer labels as well as one-hot targets, for every loss over classes.

Shapes: `n` rows, `c` classes.  The targets of a study are one-hot, float32 `(n, c)`; users who fit a model
to their own labels often have integers, `(n,)` or `(n, 1)`.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("tuner")
class IntegerLabelLoss(keras.losses.Loss):
    """A Keras loss over one-hot targets that accepts integer labels too.

    Targets with the shape of the outputs go to the loss unchanged; so do all targets of a model with a single output.
    A label that is not a class (not whole, below 0, or `c` and above) makes the loss NaN rather than silently 0.

    Args:
        loss: The loss over `(n, c)` targets and outputs; its reduction is used.
        name: Its name; that of `loss` if None.
        reduction: Keras's reduction; that of `loss` if None.
        dtype: Keras's dtype of the computation.
    """

    def __init__(
        self, loss: keras.losses.Loss, name: str | None = None, reduction: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name=name or loss.name, reduction=reduction or loss.reduction, dtype=dtype or loss.dtype)
        self.loss = loss

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Compute the loss of each row, shape `(n,)`."""
        return self.loss.call(one_hot(y_true, y_pred), y_pred)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `from_config`."""
        return {**super().get_config(), "loss": keras.losses.serialize(self.loss)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> IntegerLabelLoss:
        """Create the loss from `get_config`."""
        return cls(**{**config, "loss": keras.losses.deserialize(config["loss"])})


def one_hot(y_true: Any, y_pred: Any) -> Any:
    """Encode integer labels `(n,)` or `(n, 1)` one-hot, `(n, c)` for outputs `(n, c)`; keep one-hot targets.

    Rows of labels that are not classes are NaN.
    """
    classes = y_pred.shape[-1]
    if classes == 1 or (len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] != 1):
        return y_true
    numbers = ops.reshape(y_true, (-1, 1))
    hits = ops.cast(ops.equal(numbers, ops.arange(classes, dtype=numbers.dtype)), y_pred.dtype)
    # One hit divides by 1; none divides 0 by 0.
    return hits / ops.sum(hits, axis=-1, keepdims=True)

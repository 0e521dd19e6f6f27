"""The quantile (pinball) loss, which Keras does not have."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("tuner")
class QuantileLoss(keras.losses.Loss):
    """`mean max(tau * (y - p), (tau - 1) * (y - p))` over the targets of a row; its minimum is the `tau` quantile.

    Koenker and Bassett 1978, Regression Quantiles, https://doi.org/10.2307/1913643.

    Args:
        tau: The quantile, in (0, 1).
        name, reduction, dtype: As for every Keras loss.
    """

    def __init__(
        self, tau: float = 0.5, name: str = "quantile", reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.tau = tau

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of each row, shape `(n,)`, for outputs `(n, k)` and targets `(n, k)`, or `(n,)` where `k` is 1."""
        error = ops.reshape(y_true, ops.shape(y_pred)) - y_pred
        return ops.mean(ops.maximum(self.tau * error, (self.tau - 1.0) * error), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `from_config`."""
        return {**super().get_config(), "tau": self.tau}

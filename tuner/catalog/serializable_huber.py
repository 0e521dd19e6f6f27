"""Keras's Huber loss, with its option kept when a model is saved."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("tuner")
class HuberLoss(keras.losses.Huber):
    """`r² / 2` up to `delta`, `delta * (|r| - delta / 2)` beyond, mean over the targets of a row.

    Keras 3.15 leaves `delta` out of the configuration: a saved model comes back with a delta of 1.

    Args:
        delta: Error at which the loss turns linear, in the unit of the target.
        name, reduction, dtype: As for every Keras loss.
    """

    def __init__(
        self, delta: float = 1.0, name: str = "huber", reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        super().__init__(delta=delta, name=name, reduction=reduction, dtype=dtype)
        self.delta = delta

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `from_config`."""
        return {**super().get_config(), "delta": self.delta}

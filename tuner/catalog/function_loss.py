"""A loss that is a function of targets and outputs, with its options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras


@keras.saving.register_keras_serializable("tuner")
class FunctionLoss(keras.losses.Loss):
    """`function(y_true, y_pred, **options)`, which returns one number a row.

    Args:
        function: The function; a saved loss holds its registered name.
        options: Its keyword arguments.
        name: That of the function if None.
        reduction, dtype: As for every Keras loss.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        options: Mapping[str, Any] | None = None,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name or getattr(function, "__name__", "loss"), reduction=reduction, dtype=dtype)
        self.function, self.options = function, dict(options or {})

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Compute the loss of each row, shape `(n,)`."""
        return self.function(y_true, y_pred, **self.options)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `from_config`."""
        function = keras.saving.serialize_keras_object(self.function)
        return {**super().get_config(), "function": function, "options": self.options}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FunctionLoss:
        """Create the loss from `get_config`."""
        return cls(**{**config, "function": keras.saving.deserialize_keras_object(config["function"])})

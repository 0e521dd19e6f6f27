"""What a training loop of the user's own is called with: `function(model, recipe, data, report, **options)`.

Shapes: n rows; x `(n, *input_shape)`, y `(n, outputs)`, weight `(n,)`; all float32.  Exported scripts copy this file.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np


@dataclass(frozen=True)
class LoopRows:
    """The rows of a part.

    Attributes:
        x: Features, imputed and scaled.
        y: Targets: one-hot classes, 0 or 1, or numbers scaled to mean 0 and deviation 1.
        weight: Weights of the rows, class weights included, or None if there are none.
    """

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class LoopData:
    """The parts of the data; none of the arrays can be written to.

    Attributes:
        train: The rows to train on.
        validation: The rows that `report` measures the objective on.
    """

    train: LoopRows
    validation: LoopRows


class ScheduledRate(keras.optimizers.schedules.LearningRateSchedule):
    """The rate of each step, from a list; that of the last one for all later steps."""

    def __init__(self, rates: np.ndarray) -> None:
        self.rates = keras.ops.convert_to_tensor(rates, "float32")

    def __call__(self, step: Any) -> Any:
        last = len(self.rates) - 1
        return keras.ops.take(self.rates, keras.ops.minimum(keras.ops.cast(step, "int32"), last))

    def get_config(self) -> dict[str, Any]:
        return {"rates": keras.ops.convert_to_numpy(self.rates).tolist()}


class LoopRecipe:
    """What the trial has chosen.

    Args:
        make_optimizer: Returns an optimizer at the base rate.
        make_loss: Returns the loss.
        rates: Returns the rate of each step, or None if steps alone do not decide.
        rows: Rows of the training part.

    Attributes:
        epochs: The most epochs that are trained.
        batch_size: Rows per step.
        learning_rate: The base rate.
        seed: Of this training; Python, NumPy and Keras have been given it.
        steps: Optimizer steps of `epochs` epochs in batches of `batch_size` rows.
    """

    def __init__(
        self,
        make_optimizer: Callable[[], keras.optimizers.Optimizer],
        make_loss: Callable[[], keras.losses.Loss],
        rates: Callable[[int], np.ndarray | None],
        *,
        epochs: int,
        batch_size: int,
        learning_rate: float,
        seed: int,
        rows: int,
    ) -> None:
        self._make_optimizer, self._make_loss, self._rates = make_optimizer, make_loss, rates
        self._optimizers: list[keras.optimizers.Optimizer] = []
        self.epochs, self.batch_size, self.learning_rate, self.seed = epochs, batch_size, learning_rate, seed
        self.steps = epochs * math.ceil(rows / batch_size)

    def optimizer(self, steps: int | None = None) -> keras.optimizers.Optimizer:
        """Return a new optimizer, whose rate follows the chosen schedule.

        Args:
            steps: Steps that the schedule spans; `self.steps` if None.
        """
        optimizer, rates = self._make_optimizer(), self._rates(steps or self.steps)
        if rates is not None and np.ptp(rates):
            optimizer.learning_rate = ScheduledRate(rates)
        self._optimizers.append(optimizer)
        return optimizer

    def loss(self) -> keras.losses.Loss:
        """Return a new loss, over `(y_true, y_pred)`; its mean over rows leaves out the penalties (`model.losses`)."""
        return self._make_loss()

    def current_rate(self) -> float:
        """Return the rate of the optimizer that has taken the most steps."""
        if not self._optimizers:
            return self.learning_rate
        busiest = max(self._optimizers, key=lambda optimizer: int(optimizer.iterations))
        return float(keras.ops.convert_to_numpy(busiest.learning_rate))

    def set_rate(self, rate: float) -> None:
        """Set the rate of every optimizer that was made."""
        for optimizer in self._optimizers:
            optimizer.learning_rate = rate


class TrainingEnded(BaseException):
    """Raised by `report` to end a training loop; no `except Exception` of the loop stops it."""


def read_loss(loss: Any) -> float | None:
    """Return a loss as a number, or None if it is None.

    Raises:
        TypeError: It is not a number.
    """
    try:
        return None if loss is None else float(loss)
    except (TypeError, ValueError):
        raise TypeError(f"The loss that a loop reports must be a number, but got {loss!r}.") from None


class Report:
    """What a training loop calls after each epoch.

    Args:
        observe: Measures the model, given the epoch and the loss; returns the objective, and whether to continue.

    Attributes:
        epochs: Epochs reported so far.
    """

    def __init__(self, observe: Callable[[int, float | None], tuple[float, bool]]) -> None:
        self._observe, self._ended, self.epochs = observe, False, 0

    def __call__(self, epoch: int, *values: Any, loss: Any = None) -> float:
        """Measure the objective on the validation part; this is the value that a pruner sees.

        Args:
            epoch: Epochs trained, from 1.
            values: None: the objective is measured, not taken from the loop.
            loss: Mean training loss of the epoch, for the curves; measured on training rows if None.

        Returns:
            The objective.

        Raises:
            TrainingEnded: The training ends here: it is pruned, has stopped improving, or this was its last epoch.
        """
        if self._ended:
            raise TrainingEnded
        if values:
            raise TypeError(
                f"report(epoch) measures the objective itself, but got the value {values[0]!r} with it. Leave it out, "
                "or write report(epoch, loss=…) for the training loss."
            )
        if int(epoch) != self.epochs + 1:
            wanted = f"{self.epochs + 1} comes next" if self.epochs else "the first one is 1"
            raise ValueError(f"report counts the epochs that are trained, so {wanted}, but got {int(epoch)}.")
        self.epochs += 1
        value, proceed = self._observe(self.epochs, read_loss(loss))
        if not proceed:
            self._ended = True
            raise TrainingEnded
        return value

    def callback(self) -> keras.callbacks.Callback:
        """Return a Keras callback that reports each epoch of `fit`."""
        return EpochReporter(self)


class EpochReporter(keras.callbacks.Callback):
    """Reports each epoch of `fit`, or of several calls of it, in order."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self._report = report

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Report the epoch with its mean loss."""
        self._report(self._report.epochs + 1, loss=(logs or {}).get("loss"))

"""Time that a network takes to answer rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from cachetools import LRUCache

if TYPE_CHECKING:
    import keras

    from tuner.engines.base import TrainingTask

ROWS_TIMED = 256
"""Rows of the larger call that is timed."""
_TIMED_S = 0.05
_CALLS = (3, 30)
_ROUNDS, _CALLS_A_ROUND = 2, 4
_MAX_KNOWN = 1024
_TRIES = 3
"""Measurements of a network that is over its limit in each of them: what else runs on the machine slows some."""

Answer: TypeAlias = Callable[[np.ndarray], Any]
"""From rows to the outputs, both as arrays."""


@dataclass(frozen=True)
class PredictTimes:
    """Times that the graph of a network takes to answer, from arrays to arrays.

    What Keras's `predict_on_batch` adds to each call, 0.3 to 0.5 ms whatever the network, is not in them.

    Attributes:
        one_row_ms: One row, in milliseconds: the lesser of two medians, as others train meanwhile.
        batch_ms: `ROWS_TIMED` rows in one call, in milliseconds: the lesser of two times.
    """

    one_row_ms: float
    batch_ms: float

    @classmethod
    def of(cls, answer: Answer, rows: np.ndarray) -> PredictTimes:
        """Measure how long it takes to answer rows like these."""
        many = rows[np.arange(ROWS_TIMED) % len(rows)]
        one = many[:1]
        answer(one)  # TensorFlow prepares the first call
        rounds = [_median_ms(answer, one, _CALLS_A_ROUND) for _ in range(_ROUNDS)]
        return cls(min(rounds), min(_call_ms(answer, many) for _ in range(_ROUNDS)))

    def least(self, other: PredictTimes) -> PredictTimes:
        """Return the lesser of both times."""
        return PredictTimes(min(self.one_row_ms, other.one_row_ms), min(self.batch_ms, other.batch_ms))


class PredictTimer:
    """Measures the times of networks, those of equal networks once: they do not depend on the weights."""

    def __init__(self) -> None:
        self._known: LRUCache[str, PredictTimes] = LRUCache(_MAX_KNOWN)

    def time(self, task: TrainingTask, make_answer: Callable[[], Answer]) -> PredictTimes:
        """Return the times of the network of a task; one that is over the limit of the task is measured again.

        Args:
            task: The task.
            make_answer: Makes what is measured, if anything is.
        """
        from tuner.engines.network_key import network_key

        key, rows = network_key(task.recipe, task.facts), task.split.validation.x
        times, answer = self._known.get(key), None
        for _ in range(_TRIES):
            if times is None or task.limits.reason(None, times) is not None:
                answer = answer or make_answer()
                measured = PredictTimes.of(answer, rows)
                times = measured if times is None else times.least(measured)
        assert times is not None
        self._known[key] = times
        return times

    def time_model(self, task: TrainingTask, model: keras.Model) -> PredictTimes:
        """Return the times of the built model of a task, whose state stays as it is."""
        from tuner.engines.variable_io import preserved

        with preserved(model.non_trainable_variables):  # a layer may draw or count in inference too
            return self.time(task, lambda: _trace(model, task.split.validation.x))


def _trace(model: keras.Model, rows: np.ndarray) -> Answer:
    import tensorflow as tf

    from tuner.engines.compiled.build_timer import BuildTimer
    from tuner.engines.compiled.training_functions import trace

    spec = tf.TensorSpec((None, *rows.shape[1:]), tf.float32)
    traced = trace(lambda x: [model(x, training=False)], [spec], BuildTimer())
    return lambda rows: traced(tf.constant(rows))[0].numpy()


def median_times_ms(predict: Callable[[Any], Any], rows: np.ndarray) -> tuple[float, float]:
    """Return the median time of `predict` for 1 row, and for `ROWS_TIMED` rows, in milliseconds."""
    many = rows[np.arange(ROWS_TIMED) % len(rows)]
    one, batch = (_careful_median_ms(predict, some) for some in (many[:1], many))
    return one, batch


def _careful_median_ms(predict: Callable[[Any], Any], rows: np.ndarray) -> float:
    predict(rows)  # Keras traces the first call
    times: list[float] = []
    while len(times) < _CALLS[0] or (len(times) < _CALLS[1] and sum(times) < _TIMED_S):
        times.append(_call_ms(predict, rows))
    return float(np.median(times))


def _median_ms(answer: Answer, rows: np.ndarray, calls: int) -> float:
    return float(np.median([_call_ms(answer, rows) for _ in range(calls)]))


def _call_ms(predict: Callable[[Any], Any], rows: np.ndarray) -> float:
    began = time.perf_counter()
    predict(rows)
    return (time.perf_counter() - began) * 1e3

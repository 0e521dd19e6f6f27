"""An epoch of a program: step by step, in one call where that pays, or as XLA has compiled it.

Shapes: n rows; x `(n, *input_shape)`, y `(n, outputs)`, weight `(n,)`; all float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import tensorflow as tf

from tuner.engines.compiled.epoch_graph import build_epoch_graph, build_xla_epoch_graph
from tuner.engines.compiled.graph_functions import GraphFunction
from tuner.engines.compiled.lru_cache import BuildTimer, LruCache

MIN_STEPS_FOR_EPOCH_GRAPH = 500
"""Steps with a gradient and an update, made and to come, from which there is a program of an epoch for both: it takes
0.02 s and 2 MB, and saves 0.06 ms a step."""
MIN_STEPS_FOR_RESERVED_SLOT = 4000
"""Steps from which a pair is taken to be used on, so that it gets one of the last programs."""
MAX_EPOCH_GRAPHS = 48
"""Programs of whole epochs that TensorFlow runs: 2 MB each."""
MAX_XLA_GRAPHS = 64
"""Programs of whole epochs that XLA compiles: 5 MB each."""
RESERVED_SLOTS = 8
"""Programs that are kept for such pairs: TensorFlow does not give back what a program holds, so their number has a
limit, and the first trials of a long study would reach it."""
_SHUFFLED_BYTES = 2**26
"""So much of an epoch is put into its order at once: a gather for each batch costs a step 0.03 ms."""


class EpochGraphCache:
    """The programs of whole epochs of a worker.

    TensorFlow does not give back all that they hold, so it makes few of its own where they pay little.  XLA's take a
    second each and are for trainings that are worth it: those used longest ago are dropped.

    Args:
        clock: Counts them.
    """

    def __init__(self, clock: BuildTimer) -> None:
        self.clock = clock
        self.run: LruCache[GraphFunction] = LruCache(MAX_EPOCH_GRAPHS, clock)
        self.compiled: LruCache[GraphFunction | None] = LruCache(MAX_XLA_GRAPHS, clock)


class EpochRunner:
    """Trains epochs with a gradient and an update; trials that have both in common share it.

    Step by step or in one call, the numbers are the same to the last bit.  XLA's differ in rounding, so it is the trial
    that chooses it, for all of its epochs.

    Args:
        gradient: Of the loss for a batch.
        update: Of the weights.
        rows: Specs of the rows.
        whole: The programs of whole epochs of a worker.
    """

    def __init__(
        self, gradient: GraphFunction, update: GraphFunction, rows: Sequence[tf.TensorSpec], whole: EpochGraphCache
    ) -> None:
        self._gradient, self._update = gradient, update
        self._rows, self._whole = rows, whole
        self._in_one: GraphFunction | None = None
        self._steps = 0

    def train(
        self,
        rows: Sequence[tf.Tensor],
        order: np.ndarray,
        sizes: Sequence[int],
        rates: np.ndarray,
        to_come: int,
        by_xla: bool = False,
    ) -> float:
        """One pass over the rows.

        Args:
            rows: Of the training part.
            order: The order in which they are taken, int32 `(n,)`.
            sizes: Rows of each batch; all but the last one are equal.
            rates: Learning rate of each step, float32.
            to_come: Epochs that the training may have behind this one.
            by_xla: Whether XLA compiles the epoch, if it can.

        Returns:
            The mean of the loss over the rows.
        """
        compiled = self.compiled(rows, sizes[0]) if by_xla else None
        if compiled is not None:
            return call(compiled, len(sizes), rows, order, sizes[0], rates) / len(order)
        if self._in_one is None and self._pays(len(sizes) * (1 + to_come)):
            self._in_one = self.in_one()
        self._steps += len(sizes)
        train = self._step_by_step if self._in_one is None else self._at_once
        return train(rows, order, sizes, rates) / len(order)

    def in_one(self) -> GraphFunction:
        """The program of an epoch that TensorFlow runs."""
        whole = self._whole
        make = partial(build_epoch_graph, self._gradient, self._update, self._rows, whole.clock)
        return whole.run.get(self, make)

    def compiled(self, rows: Sequence[tf.Tensor], batch: int) -> GraphFunction | None:
        """The program of an epoch that XLA compiles; None where it cannot."""
        count = len(rows[0])

        def make() -> GraphFunction | None:
            piece = build_xla_epoch_graph(self._gradient, self._update, self._rows, count, batch, self._whole.clock)
            order, rates = np.arange(count, dtype=np.int32), np.zeros(-(-count // batch), np.float32)
            try:
                call(piece, 0, rows, order, batch, rates)
            except tf.errors.OpError:  # an operation that XLA does not know, or not in this form
                return None
            return piece

        return self._whole.compiled.get((self, count, batch), make)

    def _pays(self, to_come: int) -> bool:
        """Whether a program of an epoch pays, and there is room for it, where so many steps are to come."""
        left = self._whole.run.left - (0 if self._steps >= MIN_STEPS_FOR_RESERVED_SLOT else RESERVED_SLOTS)
        return self._steps + to_come >= MIN_STEPS_FOR_EPOCH_GRAPH and left > 0

    def _at_once(self, rows: Sequence[tf.Tensor], order: np.ndarray, sizes: Sequence[int], rates: np.ndarray) -> float:
        assert self._in_one is not None
        return call(self._in_one, len(sizes), rows, order, sizes[0], rates)

    def _step_by_step(
        self, rows: Sequence[tf.Tensor], order: np.ndarray, sizes: Sequence[int], rates: np.ndarray
    ) -> float:
        gradient, update, losses = self._gradient, self._update, []
        by_step = tf.raw_ops.Unpack(value=tf.constant(rates), num=len(rates))
        for rate, batch in zip(by_step, _batches(rows, order, sizes), strict=True):
            loss, *gradients = gradient(*batch)
            update(*gradients, rate)
            losses.append(loss)
        # The sum one by one, as the program of an epoch makes it.
        return float(np.cumsum(tf.raw_ops.Pack(values=losses).numpy().astype(np.float64) * sizes)[-1])


def call(
    epoch: GraphFunction, steps: int, rows: Sequence[tf.Tensor], order: np.ndarray, batch: int, rates: np.ndarray
) -> float:
    """Train the first steps of an epoch → the sum of each batch's loss times its rows."""
    (total,) = epoch(tf.constant(steps), tf.constant(order), tf.constant(batch), tf.constant(rates), *rows)
    return float(total)


def _batches(rows: Sequence[tf.Tensor], order: np.ndarray, sizes: Sequence[int]) -> Iterator[tuple[tf.Tensor, ...]]:
    """The rows in their order, batch by batch."""
    row_bytes = 4 * max(1, int(np.prod(rows[0].shape[1:])))
    at_once = max(1, _SHUFFLED_BYTES // (row_bytes * sizes[0]))
    for first in range(0, len(sizes), at_once):
        some = sizes[first : first + at_once]
        begin = first * sizes[0]
        chosen = tf.constant(order[begin : begin + sum(some)])
        yield from zip(*(_split(part, chosen, some) for part in rows), strict=True)


def _split(part: tf.Tensor, chosen: tf.Tensor, sizes: Sequence[int]) -> list[tf.Tensor]:
    """The chosen rows in batches.  The operations themselves: `tf.gather` and `tf.split` take twice as long."""
    shuffled = tf.raw_ops.GatherV2(params=part, indices=chosen, axis=0)
    batches: list[tf.Tensor] = tf.raw_ops.SplitV(value=shuffled, size_splits=sizes, axis=0, num_split=len(sizes))
    return batches

"""Train epochs: step by step, as one graph, or compiled by XLA.

Shapes: n rows; x `(n, *input_shape)`, y `(n, outputs)`, weight `(n,)`; all float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import tensorflow as tf
from cachetools import LRUCache

from tuner.engines.compiled.build_timer import BuildTimer
from tuner.engines.compiled.epoch_graph import build_epoch_graph, build_xla_epoch_graph
from tuner.engines.compiled.training_functions import GraphFunction

MIN_STEPS_FOR_EPOCH_GRAPH = 150
"""Steps of a (gradient, update) pair, past and remaining, from which an epoch graph is built: it takes 0.01 s more than
the gradient, and saves 0.1 ms a step."""
MIN_STEPS_FOR_RESERVED_SLOT = 4000
"""A (gradient, update) pair with this many steps may use a reserved slot."""
MAX_EPOCH_GRAPHS = 96
"""Epoch graphs that TensorFlow runs: 2 MB each."""
MAX_XLA_GRAPHS = 64
"""Epoch graphs that XLA compiles: 5 MB each."""
RESERVED_SLOTS = 16
"""Epoch graphs reserved for such pairs: the first trials of a long study would use all of them up."""
_MAX_SHUFFLE_BYTES = 2**26
"""Bytes of rows that are gathered at once: a gather for each batch would cost 0.03 ms a step."""


class EpochGraphCache:
    """The epoch graphs of a worker.

    TensorFlow does not free all of their memory, so few are built.  Those of XLA take a second each.

    Args:
        timer: Counts them.
    """

    def __init__(self, timer: BuildTimer) -> None:
        self.timer = timer
        self.plain: LRUCache[EpochRunner, GraphFunction] = LRUCache(MAX_EPOCH_GRAPHS)
        self.xla: LRUCache[tuple[EpochRunner, GraphFunction, int, int], GraphFunction | None] = LRUCache(MAX_XLA_GRAPHS)


class EpochRunner:
    """Trains epochs with a gradient and an update, for all trials that share both.

    Step by step or as one graph, the numbers are equal to the last bit.  XLA rounds differently, so a trial uses it for
    all of its epochs or for none.

    Args:
        gradient: Of the loss for a batch.
        update: Of the weights.
        rows: Specs of the rows.
        graphs: The epoch graphs of the worker.
    """

    def __init__(
        self, gradient: GraphFunction, update: GraphFunction, rows: Sequence[tf.TensorSpec], graphs: EpochGraphCache
    ) -> None:
        self._gradient, self._update = gradient, update
        self._rows, self._graphs = rows, graphs
        self._graph: GraphFunction | None = None
        self._steps = 0

    def train(
        self,
        rows: Sequence[tf.Tensor],
        order: np.ndarray,
        sizes: Sequence[int],
        rates: np.ndarray,
        remaining_epochs: int,
        xla_gradient: GraphFunction | None = None,
    ) -> float:
        """Train one epoch.

        Args:
            rows: Of the training part.
            order: A permutation of them, int32 `(n,)`.
            sizes: Rows of each batch; all but the last one are equal.
            rates: Learning rate of each step, float32.
            remaining_epochs: Epochs that may follow this one.
            xla_gradient: Compile the epoch with this gradient by XLA, if it can; None for TensorFlow.

        Returns:
            The mean of the loss over the rows.
        """
        compiled = None if xla_gradient is None else self.xla_epoch_graph(xla_gradient, rows, sizes[0])
        if compiled is not None:
            return run_epoch_graph(compiled, len(sizes), rows, order, sizes[0], rates) / len(order)
        if self._graph is None and self._graph_pays(len(sizes) * (1 + remaining_epochs)):
            self._graph = self.epoch_graph()
        self._steps += len(sizes)
        train = self._step_by_step if self._graph is None else self._run_graph
        return train(rows, order, sizes, rates) / len(order)

    def epoch_graph(self) -> GraphFunction:
        """Return the epoch graph that TensorFlow runs."""
        make = partial(build_epoch_graph, self._gradient, self._update, self._rows, self._graphs.timer)
        return self._graphs.timer.get_or_build(self._graphs.plain, self, make)

    def xla_epoch_graph(self, gradient: GraphFunction, rows: Sequence[tf.Tensor], batch: int) -> GraphFunction | None:
        """Return the epoch graph compiled by XLA, or None if XLA cannot compile it.

        Args:
            gradient: See `TrainingProgram.xla_gradient`.
            rows: Of the training part.
            batch: Rows of a batch.
        """
        count = len(rows[0])

        def make() -> GraphFunction | None:
            graph = build_xla_epoch_graph(gradient, self._update, self._rows, count, batch, self._graphs.timer)
            order, rates = np.arange(count, dtype=np.int32), np.zeros(-(-count // batch), np.float32)
            try:
                run_epoch_graph(graph, 0, rows, order, batch, rates)
            except tf.errors.OpError:  # an operation that XLA does not know, or not in this form
                return None
            return graph

        return self._graphs.timer.get_or_build(self._graphs.xla, (self, gradient, count, batch), make)

    def _graph_pays(self, remaining_steps: int) -> bool:
        """Return whether an epoch graph pays and there is a slot for it."""
        plain = self._graphs.plain
        reserved = 0 if self._steps >= MIN_STEPS_FOR_RESERVED_SLOT else RESERVED_SLOTS
        has_slot = plain.maxsize - plain.currsize > reserved
        return has_slot and self._steps + remaining_steps >= MIN_STEPS_FOR_EPOCH_GRAPH

    def _run_graph(
        self, rows: Sequence[tf.Tensor], order: np.ndarray, sizes: Sequence[int], rates: np.ndarray
    ) -> float:
        assert self._graph is not None
        return run_epoch_graph(self._graph, len(sizes), rows, order, sizes[0], rates)

    def _step_by_step(
        self, rows: Sequence[tf.Tensor], order: np.ndarray, sizes: Sequence[int], rates: np.ndarray
    ) -> float:
        gradient, update, losses = self._gradient, self._update, []
        by_step = tf.raw_ops.Unpack(value=tf.constant(rates), num=len(rates))
        for rate, batch in zip(by_step, _iterate_batches(rows, order, sizes), strict=True):
            loss, *gradients = gradient(*batch)
            update(*gradients, rate)
            losses.append(loss)
        # Summed one by one, as in the epoch graph.
        return float(np.cumsum(tf.raw_ops.Pack(values=losses).numpy().astype(np.float64) * sizes)[-1])


def run_epoch_graph(
    epoch: GraphFunction, steps: int, rows: Sequence[tf.Tensor], order: np.ndarray, batch: int, rates: np.ndarray
) -> float:
    """Train the first steps of an epoch, and return the sum of each batch's loss times its rows."""
    (total,) = epoch(tf.constant(steps), tf.constant(order), tf.constant(batch), tf.constant(rates), *rows)
    return float(total)


def _iterate_batches(
    rows: Sequence[tf.Tensor], order: np.ndarray, sizes: Sequence[int]
) -> Iterator[tuple[tf.Tensor, ...]]:
    """Yield the shuffled rows, batch by batch."""
    row_bytes = 4 * max(1, int(np.prod(rows[0].shape[1:])))
    at_once = max(1, _MAX_SHUFFLE_BYTES // (row_bytes * sizes[0]))
    for first in range(0, len(sizes), at_once):
        some = sizes[first : first + at_once]
        begin = first * sizes[0]
        chosen = tf.constant(order[begin : begin + sum(some)])
        yield from zip(*(_gather_batches(part, chosen, some) for part in rows), strict=True)


def _gather_batches(part: tf.Tensor, chosen: tf.Tensor, sizes: Sequence[int]) -> list[tf.Tensor]:
    """Gather rows in batches; raw operations, as `tf.gather` and `tf.split` take twice as long."""
    shuffled = tf.raw_ops.GatherV2(params=part, indices=chosen, axis=0)
    return list(tf.raw_ops.SplitV(value=shuffled, size_splits=sizes, axis=0, num_split=len(sizes)))

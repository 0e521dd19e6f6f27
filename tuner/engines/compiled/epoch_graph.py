"""The program of an epoch: a loop around the gradient and the update, written and not traced.

TensorFlow runs it operation by operation, or XLA compiles it as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tuner.engines.compiled.function_def_builder import FunctionDefBuilder, output, types_of
from tuner.engines.compiled.graph_functions import GraphFunction
from tuner.engines.compiled.lru_cache import BuildTimer

_CHANGED = (tf.int32, tf.float64)
"""What a step gives to the next one: its number, and the sum of the losses so far."""
_GIVEN = (tf.int32, tf.int32, tf.int32, tf.float32)
"""Number of steps, order of the rows, batch size, rates; the rows are behind them, then what the pieces capture."""


def build_epoch_graph(
    gradient: GraphFunction, update: GraphFunction, rows: Sequence[tf.TensorSpec], clock: BuildTimer
) -> GraphFunction:
    """`(steps, order, batch size, rates, *rows)` trains so many steps → the sum of each batch's loss times its rows.

    The order is int32 `(n,)`; the last batch has what is left.  Rates are float32, one a step, the sum is float64.
    """
    parts = _Parts(gradient, update, rows)
    epoch = FunctionDefBuilder("epoch")
    state = _begin(epoch, parts)
    (_, total, *_), last = _loop(epoch, parts, state, _more(parts), _step(parts, None), lowered=True)
    epoch.set_outputs([total], [tf.float64], after=[last])
    return GraphFunction(epoch.register(), [tf.float64], parts.captured, clock)


def build_xla_epoch_graph(
    gradient: GraphFunction,
    update: GraphFunction,
    rows: Sequence[tf.TensorSpec],
    count: int,
    batch: int,
    clock: BuildTimer,
) -> GraphFunction:
    """The same for so many rows and batches of this size, compiled by XLA at its first call.

    XLA must know the size of what it takes, so the last batch has a loop of its own where it is smaller.
    """
    parts, (whole, rest) = _Parts(gradient, update, rows), divmod(count, batch)
    epoch = FunctionDefBuilder("epoch")
    state = _begin(epoch, parts)
    state, last = _loop(epoch, parts, state, _more(parts, whole), _step(parts, batch))
    if rest:
        state, last = _loop(epoch, parts, state, _more(parts), _step(parts, rest))
    epoch.set_outputs([state[1]], [tf.float64], after=[last])
    compiled = FunctionDefBuilder("compiled")
    call = compiled.add_op(
        "StatefulPartitionedCall",
        compiled.add_inputs(parts.given),
        "output",
        Tin=parts.given,
        Tout=[tf.float64],
        f=epoch.register(),
        _XlaMustCompile=True,
    )
    compiled.set_outputs([call], [tf.float64], after=[call])
    return GraphFunction(compiled.register(), [tf.float64], parts.captured, clock)


class _Parts:
    """What a loop is made of.

    Attributes:
        gradient, update: What a step calls.
        rows: Specs of the rows.
        captured: What both pieces capture, each once: XLA takes no variable twice.
        given: Types of the arguments.
        types: Of all that a step is given, and gives to the next one.
    """

    def __init__(self, gradient: GraphFunction, update: GraphFunction, rows: Sequence[tf.TensorSpec]) -> None:
        self.gradient, self.update, self.rows = gradient, update, rows
        by_id = {id(tensor): tensor for tensor in (*gradient.captured, *update.captured)}
        self._places = {key: place for place, key in enumerate(by_id)}
        self.captured = list(by_id.values())
        self.given = [*_GIVEN, *types_of(rows), *types_of(self.captured)]
        self.types = [*_CHANGED, *self.given]

    def captured_by(self, piece: GraphFunction, captured: Sequence[str]) -> list[str]:
        """References to what a piece captures, among those to what both do."""
        return [captured[self._places[id(tensor)]] for tensor in piece.captured]


def _begin(epoch: FunctionDefBuilder, parts: _Parts) -> list[str]:
    arguments = epoch.add_inputs(parts.given)
    return [epoch.constant(0, tf.int32), epoch.constant(0.0, tf.float64), *arguments]


def _loop(
    epoch: FunctionDefBuilder,
    parts: _Parts,
    state: Sequence[str],
    more: FunctionDefBuilder,
    step: FunctionDefBuilder,
    lowered: bool = False,
) -> tuple[list[str], str]:
    """Steps as long as there are more → the state behind them, and the operation that has made them.

    A loop that is lowered becomes control flow of TensorFlow's own, which XLA does not take.
    """
    loop = epoch.add_op(
        "While",
        state,
        "output",
        T=parts.types,
        cond=more,
        body=step,
        parallel_iterations=1,
        _lower_using_switch_merge=lowered,
    )
    return [output(loop, index) for index in range(len(parts.types))], loop


def _more(parts: _Parts, most: int | None = None) -> FunctionDefBuilder:
    """Whether there is another step, of so many at most."""
    more = FunctionDefBuilder("more")
    number, _, steps, *_ = more.add_inputs(parts.types)
    if most is not None:
        steps = more.add_op("Minimum", [steps, more.constant(most, tf.int32)], "z", T=tf.int32)
    more.set_outputs([more.add_op("Less", [number, steps], "z", T=tf.int32)], [tf.bool])
    return more.register()


def _step(parts: _Parts, size: int | None) -> FunctionDefBuilder:
    """`(number, total, steps, order, batch size, rates, *rows, *captured)` → the same behind the step of this number.

    Args:
        parts: What it calls.
        size: Rows of its batch; None for the batch size, or what is left.
    """
    gradient, update = parts.gradient, parts.update
    step = FunctionDefBuilder("step")
    number, total, steps, order, batch, rates, *others = step.add_inputs(parts.types)
    rows, captured = others[: len(parts.rows)], others[len(parts.rows) :]
    first, one = step.constant(0, tf.int32), step.constant(1, tf.int32)

    def take(values: str, chosen: str) -> str:
        inputs = [values, chosen, first]
        return step.add_op("GatherV2", inputs, "output", Tparams=tf.float32, Tindices=tf.int32, Taxis=tf.int32)

    def pack(value: str) -> str:
        return step.add_op("Pack", [value], "output", T=tf.int32, N=1)

    def float64(value: str, kind: tf.DType) -> str:
        return step.add_op("Cast", [value], "y", SrcT=kind, DstT=tf.float64)

    begin = step.add_op("Mul", [number, batch], "z", T=tf.int32)
    if size is None:
        ends = [pack(begin), pack(step.add_op("AddV2", [begin, batch], "z", T=tf.int32)), pack(one)]
        chosen = step.add_op("StridedSlice", [order, *ends], "output", T=tf.int32, Index=tf.int32)
    else:
        part = [pack(begin), step.constant([size], tf.int32)]
        chosen = step.add_op("Slice", [order, *part], "output", T=tf.int32, Index=tf.int32)

    loss = step.add_op(
        "StatefulPartitionedCall",
        [*(take(part, chosen) for part in rows), *parts.captured_by(gradient, captured)],
        "output",
        Tin=types_of([*parts.rows, *gradient.captured]),
        Tout=gradient.types,
        f=gradient.function,
    )
    gradients = [output(loss, index) for index in range(1, len(gradient.types))]
    updated = step.add_op(
        "StatefulPartitionedCall",
        [*gradients, take(rates, number), *parts.captured_by(update, captured)],
        "output",
        after=[loss],  # weight decay changes the weights before it needs the gradient
        Tin=[*gradient.types[1:], tf.float32, *types_of(update.captured)],
        Tout=update.types,
        f=update.function,
    )

    rows_chosen = step.add_op("Size", [chosen], "output", T=tf.int32, out_type=tf.int32)
    by_rows = step.add_op("Mul", [float64(loss, tf.float32), float64(rows_chosen, tf.int32)], "z", T=tf.float64)
    total = step.add_op("AddV2", [total, by_rows], "z", T=tf.float64)
    number = step.add_op("AddV2", [number, one], "z", T=tf.int32)
    # The next step must not begin before the weights are those of this one.
    number = step.add_op("Identity", [number], "output", after=[updated], T=tf.int32)
    step.set_outputs([number, total, steps, order, batch, rates, *others], parts.types, after=[updated])
    return step.register()

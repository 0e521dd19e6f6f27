"""The program of an epoch: a loop in TensorFlow around the gradient and the update, written and not traced."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tuner.engines.compiled.kept import Clock
from tuner.engines.compiled.pieces import Piece
from tuner.engines.compiled.written import Function, output, types_of

_CHANGED = (tf.int32, tf.float64)
"""What a step gives to the next one: its number, and the sum of the losses so far."""
_GIVEN = (tf.int32, tf.int32, tf.float32)
"""Order of the rows, batch size, rates; the rows are behind them, then what the pieces capture."""


def epoch_piece(gradient: Piece, update: Piece, rows: Sequence[tf.TensorSpec], clock: Clock) -> Piece:
    """`(order, batch size, rates, *rows)` trains an epoch → the sum of each batch's loss times its rows, float64.

    The order is int32 `(n,)`; the last batch has what is left.  There is a step for each of the rates, `(steps,)`.
    """
    captured = [*gradient.captured, *update.captured]
    given = [*_GIVEN, *types_of(rows), *types_of(captured)]
    types = [*_CHANGED, *given]

    epoch = Function("epoch")
    arguments = epoch.arguments(given)
    begin = [epoch.constant(0, tf.int32), epoch.constant(0.0, tf.float64)]
    loop = epoch.node(
        "While",
        [*begin, *arguments],
        "output",
        T=types,
        cond=_more(types),
        body=_step(gradient, update, rows, types),
        parallel_iterations=1,
        _lower_using_switch_merge=True,
    )
    epoch.give([output(loop, 1)], [tf.float64], after=[loop])
    return Piece(epoch.added(), [tf.float64], captured, clock)


def _more(types: Sequence[tf.DType]) -> Function:
    """Whether there is a rate for the next step."""
    more = Function("more")
    number, _, _, _, rates, *_ = more.arguments(types)
    steps = more.node("Size", [rates], "output", T=tf.float32, out_type=tf.int32)
    more.give([more.node("Less", [number, steps], "z", T=tf.int32)], [tf.bool])
    return more.added()


def _step(gradient: Piece, update: Piece, rows: Sequence[tf.TensorSpec], types: Sequence[tf.DType]) -> Function:
    """`(number, total, order, batch size, rates, *rows, *captured)` → the same behind the step of this number."""
    step = Function("step")
    number, total, order, batch, rates, *others = step.arguments(types)
    parts, captured = others[: len(rows)], others[len(rows) :]
    first, one = step.constant(0, tf.int32), step.constant(1, tf.int32)

    def take(values: str, chosen: str) -> str:
        inputs = [values, chosen, first]
        return step.node("GatherV2", inputs, "output", Tparams=tf.float32, Tindices=tf.int32, Taxis=tf.int32)

    def pack(value: str) -> str:
        return step.node("Pack", [value], "output", T=tf.int32, N=1)

    def float64(value: str, kind: tf.DType) -> str:
        return step.node("Cast", [value], "y", SrcT=kind, DstT=tf.float64)

    low = step.node("Mul", [number, batch], "z", T=tf.int32)
    high = step.node("AddV2", [low, batch], "z", T=tf.int32)
    ends = [pack(low), pack(high), pack(one)]
    chosen = step.node("StridedSlice", [order, *ends], "output", T=tf.int32, Index=tf.int32)

    own = len(gradient.captured)
    loss = step.node(
        "StatefulPartitionedCall",
        [*(take(part, chosen) for part in parts), *captured[:own]],
        "output",
        Tin=types_of([*rows, *gradient.captured]),
        Tout=gradient.types,
        f=gradient.function,
    )
    gradients = [output(loss, index) for index in range(1, len(gradient.types))]
    updated = step.node(
        "StatefulPartitionedCall",
        [*gradients, take(rates, number), *captured[own:]],
        "output",
        after=[loss],  # weight decay changes the weights before it needs the gradient
        Tin=[*gradient.types[1:], tf.float32, *types_of(update.captured)],
        Tout=update.types,
        f=update.function,
    )

    size = step.node("Size", [chosen], "output", T=tf.int32, out_type=tf.int32)
    by_rows = step.node("Mul", [float64(loss, tf.float32), float64(size, tf.int32)], "z", T=tf.float64)
    total = step.node("AddV2", [total, by_rows], "z", T=tf.float64)
    number = step.node("AddV2", [number, one], "z", T=tf.int32)
    # The next step must not begin before the weights are those of this one.
    number = step.node("Identity", [number], "output", after=[updated], T=tf.int32)
    step.give([number, total, order, batch, rates, *others], types, after=[updated])
    return step.added()

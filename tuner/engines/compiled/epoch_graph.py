"""An epoch as one graph function: a while loop around gradient and update, built without tracing.

TensorFlow runs it operation by operation, or XLA compiles it as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tuner.engines.compiled.build_timer import BuildTimer
from tuner.engines.compiled.function_def_builder import FunctionDefBuilder, get_dtypes, nth_output
from tuner.engines.compiled.training_functions import GraphFunction

_STATE_DTYPES = (tf.int32, tf.float64)
"""State from step to step: its number, and the sum of the losses so far."""
_INPUT_DTYPES = (tf.int32, tf.int32, tf.int32, tf.float32)
"""Number of steps, order of the rows, batch size, learning rates; rows and captures follow."""


def build_epoch_graph(
    gradient: GraphFunction, update: GraphFunction, rows: Sequence[tf.TensorSpec], timer: BuildTimer
) -> GraphFunction:
    """Build `(steps, order, batch size, rates, *rows)` → sum over batches of loss times rows; trains that many steps.

    The order is int32 `(n,)`; the last batch may be smaller.  Rates are float32, one a step; the sum is float64.
    """
    spec = _LoopSpec(gradient, update, rows)
    epoch = FunctionDefBuilder("epoch")
    state = _add_initial_state(epoch, spec)
    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    (_, total, *_), last = _add_while_loop(
        epoch, spec, state, _build_condition(spec), _build_body(spec, None), lowered=on_gpu
    )
    epoch.set_outputs([total], [tf.float64], after=[last])
    return GraphFunction(epoch.register(), [tf.float64], spec.captures, timer)


def build_xla_epoch_graph(
    gradient: GraphFunction,
    update: GraphFunction,
    rows: Sequence[tf.TensorSpec],
    count: int,
    batch: int,
    timer: BuildTimer,
) -> GraphFunction:
    """Build the same for a fixed number of rows and batch size, compiled by XLA at its first call.

    XLA needs static shapes, so a smaller last batch has a loop of its own.
    """
    spec, (whole, rest) = _LoopSpec(gradient, update, rows), divmod(count, batch)
    epoch = FunctionDefBuilder("epoch")
    state = _add_initial_state(epoch, spec)
    state, last = _add_while_loop(epoch, spec, state, _build_condition(spec, whole), _build_body(spec, batch))
    if rest:
        state, last = _add_while_loop(epoch, spec, state, _build_condition(spec), _build_body(spec, rest))
    epoch.set_outputs([state[1]], [tf.float64], after=[last])
    compiled = FunctionDefBuilder("compiled")
    call = compiled.add_op(
        "StatefulPartitionedCall",
        compiled.add_inputs(spec.input_dtypes),
        "output",
        Tin=spec.input_dtypes,
        Tout=[tf.float64],
        f=epoch.register(),
        _XlaMustCompile=True,
    )
    compiled.set_outputs([call], [tf.float64], after=[call])
    return GraphFunction(compiled.register(), [tf.float64], spec.captures, timer)


class _LoopSpec:
    """Functions and signature of a loop.

    Attributes:
        gradient, update: The functions that a step calls.
        rows: Specs of the rows.
        captures: Of both functions, each once: XLA takes no variable twice.
        input_dtypes: Of the arguments.
        dtypes: Of the loop variables: the state, then the arguments.
    """

    def __init__(self, gradient: GraphFunction, update: GraphFunction, rows: Sequence[tf.TensorSpec]) -> None:
        self.gradient, self.update, self.rows = gradient, update, rows
        by_id = {id(tensor): tensor for tensor in (*gradient.captures, *update.captures)}
        self._capture_index = {key: index for index, key in enumerate(by_id)}
        self.captures = list(by_id.values())
        self.input_dtypes = [*_INPUT_DTYPES, *get_dtypes(rows), *get_dtypes(self.captures)]
        self.dtypes = [*_STATE_DTYPES, *self.input_dtypes]

    def captures_for(self, function: GraphFunction, captured: Sequence[str]) -> list[str]:
        """Select the references to the captures of one function."""
        return [captured[self._capture_index[id(tensor)]] for tensor in function.captures]


def _add_initial_state(epoch: FunctionDefBuilder, spec: _LoopSpec) -> list[str]:
    arguments = epoch.add_inputs(spec.input_dtypes)
    return [epoch.constant(0, tf.int32), epoch.constant(0.0, tf.float64), *arguments]


def _add_while_loop(
    epoch: FunctionDefBuilder,
    spec: _LoopSpec,
    state: Sequence[str],
    more: FunctionDefBuilder,
    step: FunctionDefBuilder,
    lowered: bool = False,
) -> tuple[list[str], str]:
    """Add a while loop, and return the state after it and its operation.

    As it is, a loop runs in the thread that calls it, one operation after the other.  A lowered one becomes operations
    of control flow, which XLA does not take, and which need an executor that is slower, and another thread.
    """
    loop = epoch.add_op(
        "While",
        state,
        "output",
        T=spec.dtypes,
        cond=more,
        body=step,
        parallel_iterations=1,
        _lower_using_switch_merge=lowered,
    )
    return [nth_output(loop, index) for index in range(len(spec.dtypes))], loop


def _build_condition(spec: _LoopSpec, max_steps: int | None = None) -> FunctionDefBuilder:
    """Build the condition that there is another step, of at most `max_steps`."""
    more = FunctionDefBuilder("more")
    number, _, steps, *_ = more.add_inputs(spec.dtypes)
    if max_steps is not None:
        steps = more.add_op("Minimum", [steps, more.constant(max_steps, tf.int32)], "z", T=tf.int32)
    more.set_outputs([more.add_op("Less", [number, steps], "z", T=tf.int32)], [tf.bool])
    return more.register()


def _build_body(spec: _LoopSpec, batch_rows: int | None) -> FunctionDefBuilder:
    """Build `(number, total, steps, order, batch size, rates, *rows, *captures)` → the same after one step.

    Args:
        spec: The functions that it calls.
        batch_rows: Rows of its batch; None for the batch size or the rest.
    """
    gradient, update = spec.gradient, spec.update
    step = FunctionDefBuilder("step")
    number, total, *unchanged = step.add_inputs(spec.dtypes)
    _, order, batch, rates, *others = unchanged
    rows, captured = others[: len(spec.rows)], others[len(spec.rows) :]
    first = step.constant(0, tf.int32)

    def take(values: str, chosen: str) -> str:
        inputs = [values, chosen, first]
        return step.add_op("GatherV2", inputs, "output", Tparams=tf.float32, Tindices=tf.int32, Taxis=tf.int32)

    def float64(value: str, kind: tf.DType) -> str:
        return step.add_op("Cast", [value], "y", SrcT=kind, DstT=tf.float64)

    size = step.add_op("Pack", [batch], "output", T=tf.int32, N=1)
    begin = step.add_op("Mul", [number, size], "z", T=tf.int32)
    if batch_rows is None:
        ends = [begin, step.add_op("AddV2", [begin, size], "z", T=tf.int32), step.constant([1], tf.int32)]
        chosen = step.add_op("StridedSlice", [order, *ends], "output", T=tf.int32, Index=tf.int32)
    else:
        part = [begin, step.constant([batch_rows], tf.int32)]
        chosen = step.add_op("Slice", [order, *part], "output", T=tf.int32, Index=tf.int32)
    of_gradient, of_update = gradient.template, update.template
    given = [*(take(part, chosen) for part in rows), *spec.captures_for(gradient, captured)]
    step.inline(of_gradient, "gradient", given, range(len(gradient.dtypes)))
    loss, *gradients = of_gradient.outputs("gradient")
    given = [*gradients, take(rates, number), *spec.captures_for(update, captured)]
    # Weight decay changes the weights before it needs the gradient.
    step.inline(of_update, "update", given, [], after=[*gradients, *of_gradient.effects("gradient")])
    batch_size = step.add_op("Size", [chosen], "output", T=tf.int32, out_type=tf.int32)
    by_rows = step.add_op("Mul", [float64(loss, tf.float32), float64(batch_size, tf.int32)], "z", T=tf.float64)
    total = step.add_op("AddV2", [total, by_rows], "z", T=tf.float64)
    effects = [*of_gradient.effects("gradient"), *of_update.effects("update")]
    # The next step must not begin before the weights are those of this one.
    number = step.add_op("AddV2", [number, step.constant(1, tf.int32)], "z", after=effects, T=tf.int32)
    step.set_outputs([number, total, *unchanged], spec.dtypes, after=effects)
    return step.register()

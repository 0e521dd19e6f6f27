"""Try user code before it trains: each rule that it breaks is one sentence, at the first trial and not at the tenth."""

from __future__ import annotations

import contextlib
import io
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.catalog.activations import ACTIVATIONS
from tuner.catalog.clipping import CLIPPINGS
from tuner.catalog.metrics import METRICS
from tuner.catalog.numpy_metrics import softmax
from tuner.catalog.schedule_rates import learning_rates
from tuner.catalog.task import Task
from tuner.catalog.user_entries import user_references
from tuner.catalog.user_entry_readers import METRIC
from tuner.errors import ContentError, shown
from tuner.user_code import failing_line

if TYPE_CHECKING:
    from tuner.catalog.recipe import Recipe
    from tuner.user_code import Reference

_ROWS = (4, 3)
"""Rows of the first and of the second call."""
_STEPS = 100
_LONG_STEPS = 2_000
"""A schedule may begin with as many rates of 0 as it counts steps, and not shares of them."""
_IDLE_STEPS, _MOST_IDLE_STEPS = 30, 1_000
_WEIGHT, _TYPICAL_RATE = 0.01, 0.1
"""With a larger weight, or a smaller learning rate, a step may vanish in the rounding of the weight."""
_tried: set[str] = set()
"""What passed in this process: family, reference, head, task, and hashes of the files."""


def try_user_code(recipe: Recipe, only: str | None = None) -> None:
    """Call the user code of a recipe with a few rows; see `add_user_entries`.  What has passed is not tried again.

    Args:
        recipe: Of a trial.
        only: The family that is tried; None for all.

    Raises:
        ContentError: It fails, prints, or returns what it must not.
    """
    for family, reference in user_references(recipe):
        if family not in _TRIES or only not in (None, family):
            continue  # a training loop is tried by its first training
        key = f"{family} {reference} {recipe.head} {recipe.task} {sorted(recipe.code.items())}"
        if key not in _tried:
            _TRIES[family](recipe, reference)
            _tried.add(key)


def _try_metric(recipe: Recipe, reference: Reference) -> None:
    found: dict[int, float] = {}
    for call, rows in enumerate((*_ROWS, _ROWS[0])):
        truth, scores = example_rows(recipe.task, "softmax", rows)
        with _silent(reference, call):
            value = METRICS[recipe.metric].compute(truth, scores, None, recipe.task)
        if found.setdefault(rows, value) != value and np.isfinite(value):
            raise ContentError(
                f"A metric must return the same number for the same predictions, but {reference} returned "
                f"{found[rows]:g}, then "
                f"{value:g}. Seed its random numbers in the function."
            )
        if not np.isfinite(value):
            raise ContentError(
                f"A metric of finite scores is a finite number, but {reference} returned {value} for {rows} rows. "
                "Guard its divisions and logarithms."
            )


def _try_loss(recipe: Recipe, reference: Reference) -> None:
    import keras
    import tensorflow as tf

    from tuner.catalog.build import make_loss

    with _silent(reference, 0):
        loss = make_loss(recipe)
    for call, rows in enumerate(_ROWS):
        truth, outputs = (tf.constant(array, tf.float32) for array in example_rows(recipe.task, recipe.head, rows))
        with _silent(reference, call), tf.GradientTape() as tape:
            tape.watch(outputs)
            values = _returned(loss.call(truth, outputs), "A loss", reference)
        _check_values(values.numpy(), rows, reference)
        if tape.gradient(values, outputs) is None:
            raise ContentError(
                f"A loss needs a gradient, but that of {reference} does not reach the outputs of the model. Compute "
                "it with keras.ops, without rounding, comparing or NumPy."
            )
    with _silent(reference, 2, "in a graph, as training calls it"):
        spec = tf.TensorSpec((None, truth.shape[1]), tf.float32)
        tf.function(lambda y, p: loss.call(y, p), autograph=False).get_concrete_function(spec, spec)
    with _silent(reference, 2, "when Keras saves it and reads it again"):
        config = loss.get_config()
        again = keras.losses.deserialize(keras.losses.serialize(loss)).get_config()
    lost = [name for name, value in recipe.loss.options.items() if config.get("options", config).get(name) != value]
    if lost or again != config:
        what = ", ".join(lost) or "some"
        raise ContentError(
            f"A saved loss must hold its options, but get_config of {reference} leaves out {what}. "
            "Return them from get_config, with those of super().get_config()."
        )


def _returned(value: Any, what: str, reference: Reference) -> Any:
    """Return the value as a tensor."""
    import tensorflow as tf

    if value is None:
        raise ContentError(f"{what} returns a tensor, but {reference} returned None. End it with a return.")
    return tf.convert_to_tensor(value)


def _check_values(values: np.ndarray, rows: int, reference: Reference) -> None:
    if values.shape != (rows,):
        raise ContentError(
            f"A loss returns one number per row, so shape ({rows},) for {rows} rows, but {reference} returned shape "
            f"{values.shape}. Take its means over the last axis only."
        )
    if not np.isfinite(values).all():
        raise ContentError(
            f"A loss of finite outputs is finite, but {reference} returned {shown(values.tolist())}. Guard its "
            "divisions and logarithms, as by keras.config.epsilon()."
        )


@contextlib.contextmanager
def _silent(reference: Reference, call: int, where: str = "") -> Iterator[None]:
    """Refuse code that fails or prints."""
    where = where or ("when it is called" if call == 0 else "when it is called again")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            yield
        except ContentError:
            raise
        except (Exception, SystemExit) as error:
            if isinstance(error, NotImplementedError) and not str(error):
                method = traceback.extract_tb(error.__traceback__)[-1].name
                raise ContentError(f"{reference} has no {method}, which its base class requires. Write it.") from error
            said = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}".removesuffix(".")
            raise ContentError(f"{reference} fails {where}{_line(error, reference)}: {said}.") from error
    if printed.getvalue():
        raise ContentError(
            f"User code must not print, since every step calls it, but {reference} printed "
            f"{shown(printed.getvalue().strip())}. Remove the print."
        )


def _line(error: BaseException, reference: Reference) -> str:
    """Return the line of the user's file that failed, as in " (line 3)"; "" if none did."""
    files = {frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)}
    own = next((file for file in files if not reference.installed and Path(file).match(reference.path)), None)
    return "" if own is None else failing_line(error, Path(own))


def example_rows(task: Task, head: str, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return targets and outputs of some rows, with two outputs or classes more than one, of each kind some."""
    random, columns = np.random.default_rng(rows), 1 if task in (Task.BINARY, Task.REGRESSION) else 3
    outputs: np.ndarray = random.normal(size=(rows, columns))
    truth: np.ndarray
    match task:
        case Task.REGRESSION:
            truth = random.normal(size=(rows, columns))
        case Task.MULTICLASS:
            truth = np.eye(columns)[np.arange(rows) % columns]
        case Task.BINARY | Task.MULTILABEL:
            truth = (np.arange(rows)[:, None] + np.arange(columns)) % 2.0
    return truth, _activated(outputs, head, task)


def _activated(outputs: np.ndarray, head: str, task: Task) -> np.ndarray:
    if not task.classifies or head in ("linear", "model"):
        return outputs
    return softmax(outputs) if task is Task.MULTICLASS else 1.0 / (1.0 + np.exp(-outputs))


def _try_schedule(recipe: Recipe, reference: Reference) -> None:
    with _silent(reference, 0):
        first = learning_rates(recipe.schedule, recipe.learning_rate, _STEPS)
    with _silent(reference, 1):
        again = learning_rates(recipe.schedule, recipe.learning_rate, _STEPS)
    assert first is not None  # only a schedule that watches the objective has none before
    assert again is not None
    if not np.array_equal(first, again):
        raise ContentError(
            f"A schedule gives the same rate for the same step, but {reference} does not. Compute it from the step, "
            "without random numbers."
        )
    if not np.any(first):
        with _silent(reference, 1):
            first = learning_rates(recipe.schedule, recipe.learning_rate, _LONG_STEPS)
    if not np.any(first):
        raise ContentError(
            f"A schedule has a rate above 0 at some step, but {reference} returned 0 for each of {_LONG_STEPS:,} "
            "steps. Correct the formula: // rounds down."
        )


def _try_activation(recipe: Recipe, reference: Reference) -> None:
    import tensorflow as tf

    function = ACTIVATIONS[recipe.activation].build()
    for call, rows in enumerate(_ROWS):
        given = tf.constant(np.random.default_rng(rows).normal(size=(rows, 3)), tf.float32)
        with _silent(reference, call):
            values = _returned(function(given), "An activation", reference)
        _check_same(values.numpy(), given.shape, "An activation", reference)
    wide = tf.constant(np.linspace(-8.0, 8.0, 33).reshape(11, 3), tf.float32)
    with _silent(reference, 1), tf.GradientTape() as tape:
        tape.watch(wide)
        values = tf.convert_to_tensor(function(wide))
    # Not of their sum, which is the same for all rows if an activation normalizes each, as a softmax does.
    parts = tf.cast(np.random.default_rng(0).normal(size=wide.shape), values.dtype)
    gradient = tape.gradient(values, wide, output_gradients=parts)
    if gradient is None or not np.any(gradient):
        raise ContentError(
            f"An activation needs a gradient, but that of {reference} {'is 0' if gradient is not None else 'is lost'}. "
            "Compute it with keras.ops, without rounding, casting, comparing or NumPy."
        )
    with _silent(reference, 2, "in a graph, as training calls it"):
        spec = tf.TensorSpec((None, 3), tf.float32)
        tf.function(function, autograph=False).get_concrete_function(spec)


def _try_initializer(recipe: Recipe, reference: Reference) -> None:
    from tuner.catalog.build import make_initializer

    with _silent(reference, 0):
        initializer = make_initializer(recipe)
    for call, rows in enumerate(_ROWS):
        with _silent(reference, call):
            values = _returned(initializer((rows, 5), dtype="float32"), "An initializer", reference)
        _check_same(values.numpy(), (rows, 5), "An initializer", reference)
    _check_config(initializer.get_config(), recipe.initializer.options, reference)


def _try_optimizer(recipe: Recipe, reference: Reference) -> None:
    import keras

    from tuner.catalog.build import make_optimizer

    with _silent(reference, 0):
        optimizer = make_optimizer(recipe)
    weights = [keras.Variable(np.full(shape, _WEIGHT), dtype="float32") for shape in ((3, 2), (2,))]
    with _silent(reference, 0):
        optimizer.build(weights)
    if not optimizer.built:
        raise ContentError(
            f"The build() of an optimizer must call that of Keras, but the one of {reference} does not. Begin it with "
            "super().build(variables)."
        )
    gradients = [keras.ops.convert_to_tensor(np.full(one.shape, 0.1), "float32") for one in weights]
    for call in range(2):
        with _silent(reference, call):
            optimizer.apply(gradients, weights)
        for weight in weights:
            _check_same(keras.ops.convert_to_numpy(weight), weight.shape, "A step of an optimizer", reference)
    with _silent(reference, 1):
        changes = _changes_weights(optimizer, gradients, weights, max(recipe.learning_rate, _TYPICAL_RATE))
    if not changes:
        raise ContentError(
            f"A step of an optimizer changes the weights, but {reference} leaves them unchanged. Assign them in "
            "update_step, as by self.assign_sub(variable, learning_rate * gradient)."
        )
    _check_config(optimizer.get_config(), recipe.optimizer.options, reference)


def _changes_weights(optimizer: Any, gradients: Sequence[Any], weights: Sequence[Any], rate: float) -> bool:
    """Return whether an optimizer changes weights that were `_WEIGHT`: it may gather the gradients of some steps."""
    steps = max(_IDLE_STEPS, optimizer.gradient_accumulation_steps or 0)
    left = min(steps, _MOST_IDLE_STEPS)
    while not (changed := any(np.any(weight.numpy() != np.float32(_WEIGHT)) for weight in weights)) and left:
        optimizer.learning_rate = rate
        optimizer.apply(gradients, weights)
        left -= 1
    return changed or steps > _MOST_IDLE_STEPS


def _try_clipping(recipe: Recipe, reference: Reference) -> None:
    import tensorflow as tf

    load, shapes = CLIPPINGS[recipe.clipping.name].load, ((3, 2), (2,))
    assert load is not None
    function, options = load(), recipe.clipping.options
    for call in range(2):
        random = np.random.default_rng(call)
        gradients, weights = ([tf.constant(random.normal(size=one), tf.float32) for one in shapes] for _ in range(2))
        with _silent(reference, call):
            _check_gradients(function(gradients, weights, **options), shapes, reference)
    with _silent(reference, 2, "in a graph, as training calls it"):
        specs = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
        tf.function(lambda g, w: function(g, w, **options), autograph=False).get_concrete_function(specs, specs)


def _check_gradients(found: Any, shapes: Sequence[tuple[int, ...]], reference: Reference) -> None:
    if not isinstance(found, list | tuple) or len(found) != len(shapes):
        what = f"{len(found)}" if isinstance(found, list | tuple) else f"a {type(found).__name__}"
        raise ContentError(
            f"A clipping returns a list of as many gradients as it gets, here {len(shapes)}, but {reference} returned "
            f"{what}. Return one for each weight."
        )
    if any(gradient is None for gradient in found):
        raise ContentError(f"A clipping returns a gradient for each weight, but {reference} returned None. Return it.")
    for gradient, shape in zip(found, shapes, strict=True):
        _check_same(np.asarray(gradient), shape, "A clipping", reference)


def _check_same(values: np.ndarray, shape: Any, what: str, reference: Reference) -> None:
    if values.shape != tuple(shape):
        raise ContentError(
            f"{what} gives values of the shape that was asked for, {tuple(shape)}, but {reference} gave "
            f"{values.shape}. Compute each element."
        )
    if not np.isfinite(values).all():
        raise ContentError(
            f"{what} gives finite values, but {reference} gave {shown(values.tolist())}. Guard its divisions."
        )


def _check_config(config: Mapping[str, Any], options: Mapping[str, Any], reference: Reference) -> None:
    lost = [name for name, value in options.items() if config.get(name, value) != value or name not in config]
    if lost:
        raise ContentError(
            f"A saved object must hold its options, but get_config of {reference} leaves out {', '.join(lost)}. "
            "Return them from get_config, with those of super().get_config()."
        )


_TRIES: Mapping[str, Callable[[Recipe, Reference], None]] = {
    "loss": _try_loss,
    METRIC: _try_metric,
    "optimizer": _try_optimizer,
    "schedule": _try_schedule,
    "initializer": _try_initializer,
    "activation": _try_activation,
    "clipping": _try_clipping,
}

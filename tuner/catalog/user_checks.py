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
_tried: set[str] = set()
"""What passed in this process: family, reference, head, task, and hashes of the files."""


def try_user_code(recipe: Recipe) -> None:
    """Call the user code of a recipe with a few rows; see `add_user_entries`.  What has passed is not tried again.

    Raises:
        ContentError: It fails, prints, or returns what it must not.
    """
    for family, reference in user_references(recipe):
        if family not in _TRIES:
            continue  # a training loop is tried by its first training
        key = f"{family} {reference} {recipe.head} {recipe.task} {sorted(recipe.code.items())}"
        if key not in _tried:
            _TRIES[family](recipe, reference)
            _tried.add(key)


def _try_metric(recipe: Recipe, reference: Reference) -> None:
    for call, rows in enumerate(_ROWS):
        truth, scores = example_rows(recipe.task, "softmax", rows)
        with _silent(reference, call):
            value = METRICS[recipe.metric].compute(truth, scores, None, recipe.task)
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
            said = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}".removesuffix(".")
            raise ContentError(f"{reference} fails {where}{_line(error, reference)}: {said}.") from error
    if printed.getvalue():
        raise ContentError(
            f"User code must not print, as each step calls it, but {reference} printed "
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
    for call in range(2):
        with _silent(reference, call):
            learning_rates(recipe.schedule, recipe.learning_rate, _STEPS)


def _try_activation(recipe: Recipe, reference: Reference) -> None:
    import tensorflow as tf

    function = ACTIVATIONS[recipe.activation].build()
    for call, rows in enumerate(_ROWS):
        given = tf.constant(np.random.default_rng(rows).normal(size=(rows, 3)), tf.float32)
        with _silent(reference, call):
            values = _returned(function(given), "An activation", reference)
        _check_same(values.numpy(), given.shape, "An activation", reference)
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
    weights = [keras.Variable(np.ones(shape), dtype="float32") for shape in ((3, 2), (2,))]
    for call in range(2):
        gradients = [keras.ops.convert_to_tensor(np.full(one.shape, 0.1), "float32") for one in weights]
        with _silent(reference, call):
            optimizer.apply(gradients, weights)
        for weight in weights:
            _check_same(keras.ops.convert_to_numpy(weight), weight.shape, "A step of an optimizer", reference)
    _check_config(optimizer.get_config(), recipe.optimizer.options, reference)


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

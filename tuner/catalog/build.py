"""Recipe → Keras: the model, its optimizer and loss, and what `fit` is called with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras

from tuner.catalog.activations import ACTIVATIONS
from tuner.catalog.clipping import CLIPPINGS
from tuner.catalog.dimensions import DIMENSIONS, NumberDimension, choice_dimension
from tuner.catalog.embedding_input_check import check_lookups
from tuner.catalog.function_clipping import clip_by
from tuner.catalog.initializers import INITIALIZERS
from tuner.catalog.losses import LOSSES
from tuner.catalog.optimizers import OPTIMIZERS
from tuner.catalog.recipe import Recipe
from tuner.catalog.schedule_callback import ScheduleCallback
from tuner.errors import ContentError
from tuner.keras_internals import flatten_layers

# Attribute of a layer that names the regularizer → the attributes that may hold the weights it is for.
_KERNELS = {
    "kernel_regularizer": ("kernel",),
    "recurrent_regularizer": ("recurrent_kernel",),
    "depthwise_regularizer": ("depthwise_kernel", "kernel"),
    "pointwise_regularizer": ("pointwise_kernel",),
}

_TRAINING = ("train_step", "compute_loss", "_compute_loss", "make_train_function", "fit")


def build_model(
    recipe: Recipe,
    inputs: Sequence[int],
    outputs: int,
    build: Callable[..., keras.Model],
    *,
    wrap: Callable[[keras.initializers.Initializer], Any] = lambda initializer: initializer,
    penalty: keras.regularizers.Regularizer | None = None,
    seeding: Callable[[int], object] = keras.utils.set_random_seed,
) -> keras.Model:
    """Build the model of a recipe with its head and penalties, not compiled.  The same seed gives the same weights.

    Args:
        recipe: What to build.
        inputs: Shape of one row, without the batch axis.
        outputs: Number of raw outputs.
        build: The function of the model file.
        wrap: Replaces the recipe's initializer before the model file gets it.
        penalty: Put on the kernels in place of one with the recipe's l1 and l2, if the recipe has any.
        seeding: Sets the generators of this process.

    Raises:
        ContentError: `build` returns anything but an uncompiled model with outputs `(batch, outputs)`, or one
            whose own training step would be lost, or that looks scaled features up.
    """
    seeding(recipe.seed)
    model = build(
        tuple(inputs),
        outputs,
        activation=ACTIVATIONS[recipe.activation].build(),
        initializer=wrap(make_initializer(recipe)),
        **recipe.model.options,
    )
    model = _checked(model, recipe, tuple(inputs), outputs)
    check_lookups(model, recipe, tuple(inputs))
    if recipe.l1 or recipe.l2:
        _regularize(model, penalty or keras.regularizers.L1L2(recipe.l1, recipe.l2))
    return _with_head(model, recipe.head) if _has_head(recipe) else model


def compile_model(model: keras.Model, recipe: Recipe) -> keras.Model:
    """Give a model the recipe's loss and optimizer; its layers, and its head, stay as they are.

    Returns:
        The same model.
    """
    model.compile(optimizer=make_optimizer(recipe), loss=make_loss(recipe), jit_compile=False)
    return model


def custom_train_method(model: keras.Model) -> str | None:
    """Return the name of a training method that the model overrides, or None."""
    return next((name for name in _TRAINING if getattr(type(model), name) is not getattr(keras.Model, name)), None)


def fit_options(recipe: Recipe) -> dict[str, Any]:
    """Return keyword arguments for `model.fit`: epochs, batch size, the schedule, and class weights if any."""
    planned = None if recipe.last_epoch is None else recipe.epochs
    options: dict[str, Any] = {
        "epochs": recipe.last_epoch or recipe.epochs,
        "batch_size": recipe.batch_size,
        "callbacks": [ScheduleCallback(recipe.schedule, recipe.learning_rate, recipe.metric, planned)],
    }
    if recipe.class_weight is not None:
        options["class_weight"] = dict(recipe.class_weight)
    return options


def make_loss(recipe: Recipe) -> keras.losses.Loss:
    """Build the loss of a recipe, over `(y_true, y_pred)` of the shapes in `Task` (integer labels work too)."""
    return LOSSES[recipe.loss.name].build(**row_options(recipe, "loss"))


def make_optimizer(recipe: Recipe) -> keras.optimizers.Optimizer:
    """Create the optimizer of a recipe at its base learning rate, with its clipping, not built."""
    made, clipping = OPTIMIZERS[recipe.optimizer.name].build(**optimizer_arguments(recipe)), recipe.clipping
    load = CLIPPINGS[clipping.name].load
    return made if load is None else clip_by(made, load(), clipping.options)


def optimizer_arguments(recipe: Recipe) -> dict[str, Any]:
    """Return what `OptimizerEntry.build` takes."""
    clipping = CLIPPINGS[recipe.clipping.name].build(**recipe.clipping.options)
    return {"clipping": clipping, **row_options(recipe, "optimizer")}


def row_options(recipe: Recipe, choice: str) -> dict[str, Any]:
    """Return the options of a chosen row, and the recipe's numbers that this row takes.

    Args:
        recipe: What was chosen.
        choice: Name of the choice: "loss" or "optimizer".
    """
    chosen = getattr(recipe, choice)
    row = choice_dimension(choice).table[chosen.name]
    numbers = {
        dimension.name: getattr(recipe, dimension.name)
        for dimension in DIMENSIONS.values()
        if isinstance(dimension, NumberDimension) and dimension.choice == choice and dimension.taken_by(row)
    }
    return {**chosen.options, **numbers}


def unseeded_initializer(recipe: Recipe) -> keras.initializers.Initializer:
    """Create the initializer, with a seed that Keras draws."""
    return INITIALIZERS[recipe.initializer.name].build(**recipe.initializer.options)


def make_initializer(recipe: Recipe) -> keras.initializers.Initializer:
    """Create the initializer, with new draws at each use.

    An unseeded Keras initializer draws its seed once, so layers of the same shape would start with the same weights.
    A saved model still says "no seed".
    """
    initializer = unseeded_initializer(recipe)
    # Named: TensorFlow keeps 0.04 MB for each name that a variable of this process ever had.
    initializer.seed = keras.random.SeedGenerator(recipe.seed, name="seed_generator")
    return initializer


def _checked(model: Any, recipe: Recipe, inputs: tuple[int, ...], outputs: int) -> keras.Model:
    """Check what the model file returned, and give a subclassed model symbolic inputs and outputs."""
    where = recipe.model.reference
    if not isinstance(model, keras.Model):
        raise ContentError(
            f"{where} must return a keras.Model, but returned {type(model).__name__}. Return the model at the end."
        )
    if model.compiled:
        raise ContentError(
            f"{where} must return a model that is not compiled, but this one is. Remove its compile(): "
            "loss and optimizer are chosen by the study."
        )
    symbolic, own = getattr(model, "inputs", None), custom_train_method(model)
    if own is not None and (_has_head(recipe) or not symbolic):
        why = (
            f"the head {recipe.head} is appended to it"
            if symbolic
            else "it is subclassed, and put into a functional one"
        )
        raise ContentError(
            f"{where} must return a model that Keras trains in its own way, but this one overrides {own}, which would "
            f"be lost because {why}. Return a functional model that ends in its output activation, and set "
            'head = "model".'
        )
    if not symbolic:
        rows = keras.Input(inputs)
        model = keras.Model(rows, model(rows), name=model.name)
    shape = model.output_shape
    if shape != (None, outputs):
        raise ContentError(
            f"{where} must return a model with outputs of shape (None, {outputs}), but got {shape} "
            f"for inputs of shape {inputs}. End it in a layer of `outputs` units."
        )
    return model


def _has_head(recipe: Recipe) -> bool:
    """Return whether an output activation is appended to the model."""
    return recipe.head not in ("model", "linear")


def _with_head(model: keras.Model, head: str) -> keras.Model:
    """Append the head, in float32 even if the layers before compute in half precision."""
    outputs = keras.layers.Activation(head, name="head", dtype="float32")(model.outputs[0])
    # The one input as itself: a list of it would have to be called with lists, and warn of anything else.
    inputs = model.inputs[0] if len(model.inputs) == 1 else model.inputs
    return keras.Model(inputs, outputs, name=model.name)


def _regularize(model: keras.Model, penalty: keras.regularizers.Regularizer) -> None:
    """Put the penalty on every kernel that has none of its own.

    The layer's attribute is what is saved with the model, the variable's is what the loss of a layer that is built
    already looks at.
    """
    for layer in _layers(model):
        for attribute, names in _KERNELS.items():
            kernel = next((k for k in (getattr(layer, name, None) for name in names) if k is not None), None)
            if kernel is None or getattr(layer, attribute, kernel) is not None:
                continue
            setattr(layer, attribute, penalty)
            kernel.regularizer = penalty


def _layers(model: keras.Model) -> Iterable[keras.layers.Layer]:
    """Return every layer, at any depth (cells, wrapped layers, nested models)."""
    return flatten_layers(model, include_self=False)

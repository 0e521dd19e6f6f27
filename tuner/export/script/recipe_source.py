"""The pieces of a script that follow from the recipe: objects, numbers, schedule, score."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence
from typing import Any

from tuner.catalog import (
    ACTIVATIONS,
    INITIALIZERS,
    LOSSES,
    SCHEDULES,
    Recipe,
    Task,
    make_loss,
    make_optimizer,
    resolve_head,
)
from tuner.export.exported_recipe import Export
from tuner.export.script.call_source import call_text
from tuner.export.script.literals import literal
from tuner.export.script.user_code_source import user_call_text, user_loss_text, user_name, user_optimizer_text
from tuner.user_code import is_name, is_reference

WIDTH = 110


def optimizer_text(recipe: Recipe) -> str:
    """Return the call that constructs the optimizer, with clipping of user code around it."""
    if is_reference(recipe.optimizer.name):
        made = user_optimizer_text(recipe)
    else:
        made = call_text(make_optimizer(recipe), **{**recipe.optimizer.options, "learning_rate": recipe.learning_rate})
    if not is_reference(recipe.clipping.name):
        return made
    return f"clip_by({made}, {user_name('clipping')}, {literal(dict(recipe.clipping.options))})"


def loss_text(recipe: Recipe) -> str:
    """Return the call that constructs the loss, of Keras or of a class that the script defines."""
    if is_reference(recipe.loss.name):
        return user_loss_text(recipe)
    own = LOSSES[recipe.loss.name].own_class
    if own is not None:
        return f"{own}({', '.join(f'{name}={literal(value)}' for name, value in recipe.loss.options.items())})"
    loss = make_loss(recipe)
    return call_text(getattr(loss, "loss", loss), **recipe.loss.options)


def initializer_text(recipe: Recipe) -> str:
    """Return the call that constructs the initializer."""
    if is_reference(recipe.initializer.name):
        return user_call_text("initializer", recipe.initializer.options)
    made = INITIALIZERS[recipe.initializer.name].build(**recipe.initializer.options)
    return call_text(made, **recipe.initializer.options)


def folded(call: str) -> str:
    """Format a call as an argument at an indent of 8, with one argument a line if it is long."""
    if len(call) <= 80 or not isinstance(node := ast.parse(call, mode="eval").body, ast.Call):
        return call
    arguments = [*map(ast.unparse, node.args), *(f"{one.arg}={ast.unparse(one.value)}" for one in node.keywords)]
    lines = "".join(f"            {argument},\n" for argument in arguments)
    return f"{ast.unparse(node.func)}(\n{lines}        )"


def build_text(export: Export, function: str) -> str:
    """Return the call of the model's function with the chosen options."""
    recipe = export.recipe
    own = is_reference(recipe.activation)
    activation = user_name("activation") if own else literal(ACTIVATIONS[recipe.activation].build())
    given = f"        activation={activation},\n"
    given += "".join(f"        {_argument(name, value)},\n" for name, value in recipe.model.options.items())
    shapes = f"        {literal(export.input_shape)},\n        {literal(export.outputs)},\n"
    return f"{function}(\n{shapes}        initializer=initializer,\n{given}    )"


def _argument(name: str, value: Any) -> str:
    """Return a keyword argument; a name that is not an identifier goes into a dictionary."""
    return f"{name}={literal(value)}" if is_name(name) else f"**{literal({name: value})}"


def schedule_text(recipe: Recipe) -> str:
    """Return what makes the schedule's callback, from `steps` an epoch and `measure`; empty for a constant rate."""
    row = SCHEDULES[recipe.schedule.name]
    if row.constant:
        return ""
    if row.stateful:
        return f"Plateau({plateau_text(recipe)}, measure)"
    return f"Rates({_rates_text(recipe, 'steps * EPOCHS')}, steps)"


def rates_text(recipe: Recipe) -> str:
    """Return the expression for the rate of each of `steps` steps, or for None if steps alone do not decide."""
    row = SCHEDULES[recipe.schedule.name]
    return "None" if row.constant or row.stateful else _rates_text(recipe, "steps")


def plateau_text(recipe: Recipe) -> str:
    """Return the call that constructs the state machine of a schedule that watches the objective."""
    return f"ReduceOnPlateau(LEARNING_RATE, MAXIMIZE{_schedule_options(recipe)})"


def _rates_text(recipe: Recipe, steps: str) -> str:
    name, given = recipe.schedule.name, _schedule_options(recipe)
    if is_reference(name):
        return f"np.array([{user_name('schedule')}(step, {steps}, LEARNING_RATE{given}) for step in range({steps})])"
    return f"{name}(np.arange({steps}), {steps}, LEARNING_RATE{given})"


def _schedule_options(recipe: Recipe) -> str:
    return "".join(f", {option}={literal(value)}" for option, value in recipe.schedule.options.items())


def scores_text(recipe: Recipe) -> str:
    """Return the expression that converts `outputs` of the model to scores: see `tuner.catalog.to_scores`."""
    head = recipe.head
    if recipe.task is Task.REGRESSION:
        return 'outputs * fitted["target_scale"] + fitted["target_center"]'
    if head == "model":
        head = resolve_head(recipe.loss.name, recipe.task)
    if head in ("sigmoid", "softmax"):
        return "outputs"
    if head == "tanh":
        return "(1.0 + outputs) / 2.0"
    if head == "relu":
        return "np.minimum(outputs, 1.0)"
    if recipe.task is Task.MULTICLASS:
        return "softmax(outputs)"
    return "0.5 * (1.0 + np.tanh(0.5 * outputs))"


def fitted_text(export: Export) -> str:
    """Return what was fitted on each training part, as a list of dictionaries of arrays."""
    lines = ["FITTED = ["]
    for split in export.splits:
        given = split.preprocessing
        epochs = [training.epochs or export.recipe.epochs for training in split.trainings]
        lines += ["    {", f'        "epochs": {literal(epochs, WIDTH)},']
        if given.fill is not None:
            lines += _array("fill", given.fill.tolist())
        lines += _array("center", given.center.tolist()) + _array("scale", given.scale.tolist())
        if export.recipe.task is Task.REGRESSION:
            lines += _array("target_center", split.target_center) + _array("target_scale", split.target_scale)
        lines.append("    },")
    return "\n".join([*lines, "]"])


def _array(name: str, values: Sequence[float]) -> list[str]:
    text = f"np.array([{', '.join(map(literal, values))}]),"
    if len(text) < WIDTH - 20:
        return [f'        "{name}": {text}']
    numbers = textwrap.wrap(", ".join(map(literal, values)), WIDTH - 16, break_long_words=False, break_on_hyphens=False)
    return [f'        "{name}": np.array([', *(f"            {line}" for line in numbers), "        ]),"]


def names_text(export: Export) -> str:
    """Return the names of columns and classes, if any, and how texts were encoded."""
    given = export.splits[0].preprocessing
    parts = []
    if given.features:
        parts.append(_list("FEATURES", given.features, "The columns of x, in this order."))
    if given.encoders:
        encoders = {name: encoder.to_json() for name, encoder in given.encoders.items()}
        how = (
            "Text columns became numbers (see docs/data.md, encodings): one_hot gives 0 and 1, one column per category."
        )
        parts.append(_list("ENCODERS", encoders, how))
    if export.classes:
        parts.append(_list("CLASSES", export.classes, "The classes, in the order of the outputs."))
    return "\n".join(parts)


def _list(name: str, values: Any, comment: str | None) -> str:
    text = literal(list(values) if isinstance(values, tuple) else values, WIDTH)
    return "\n".join([*([f"# {comment}"] if comment else []), f"{name} = {text}"])

"""The head: the output activation after a model's raw outputs, so that loss, activation and metric agree."""

from __future__ import annotations

import numpy as np

from tuner.catalog.losses import LOSSES
from tuner.catalog.numpy_metrics import softmax
from tuner.catalog.task import Task
from tuner.errors import UnknownNameError, UsageError

HEADS = ("linear", "sigmoid", "softmax", "tanh", "relu")
"""The activations that a head may be."""

_PROBABILITIES = ("softmax", "sigmoid")
_NOT_A_PROBABILITY = "{loss} takes the logarithm of a probability, but {head} does not output one: {why}"
_WHY_NO_PROBABILITY = {
    "linear": "outputs below 0 or above 1 are clipped, and there the gradient is 0",
    "relu": "it is 0 for half of the inputs, where the loss is clipped and nothing is learned",
    "tanh": "half of its outputs are below 0, where the loss is clipped and nothing is learned",
}
_LIMITED = {
    "sigmoid": "its values are between 0 and 1",
    "softmax": "its outputs sum to 1",
    "tanh": "its values are between -1 and 1",
    "relu": "it has no negative values, and rows that fall below 0 get no gradient",
}


def resolve_head(loss: str, task: Task, setting: str = "auto") -> str:
    """Return the head of a recipe.

    Args:
        loss: A name of `LOSSES`.
        task: The task of the study.
        setting: "auto" for the head that agrees with the loss, "model" if the model has its own, or
            one of `HEADS`.

    Returns:
        "model" or one of `HEADS`.

    Raises:
        UnknownNameError: There is no such loss or head.
        UsageError: The loss is not for this task.
    """
    if setting == "model" or setting in HEADS:
        return setting
    if setting != "auto":
        raise UnknownNameError("head", setting, ("auto", "model", *HEADS))
    heads = LOSSES[loss].heads
    if task not in heads:
        fitting = [row.name for row in LOSSES.values() if task in row.tasks]
        raise UsageError(
            f"A loss must fit the task, but {loss} is for {', '.join(heads)} and the task is {task}. "
            f"Use one of: {', '.join(fitting)}."
        )
    return heads[task]


def head_warning(loss: str, task: Task, head: str) -> str | None:
    """Say why this pair of loss and head is known to train badly, or return None.

    Args:
        loss: A name of `LOSSES` that has a head for the task.
        task: The task of the study.
        head: The head of the recipe; there is never a warning for "model", whose activation is unknown.

    Raises:
        UnknownNameError: There is no such loss.
    """
    row = LOSSES[loss]
    agreed = row.heads.get(task)
    if head == "model" or agreed is None:
        return None
    if head == agreed:
        return row.warned.get(task)
    if task is Task.REGRESSION:
        return f"with the head {head} not every target can be reached: {_LIMITED[head]}"
    if head == "softmax" and task is Task.BINARY:
        return "softmax over a single output is always 1, so nothing is learned"
    if agreed == "linear":
        return _margin_warning(loss, head)
    return _probability_warning(loss, task, head)


def second_activation(activation: str, layer: str, head: str, task: Task) -> str | None:
    """Say that a model ends in a softmax or sigmoid of its own, though the study appends a head, or return None.

    Args:
        activation: In which the model ends.
        layer: Name of the layer.
        head: The head of the recipe.
        task: The task of the study.
    """
    if head == "model" or not task.classifies or activation not in _PROBABILITIES:
        return None
    twice = f"and the head of the study comes after it: {head} of {activation} learns slowly and is never certain"
    then = "but the loss takes raw outputs" if head == "linear" else twice
    return (
        f"The model ends in {activation} (layer {layer!r}), {then}. End the model in raw outputs, or set "
        'head = "model" in the study file.'
    )


def ending_conflict(activation: str, layer: str, head: str, loss: str, task: Task) -> str | None:
    """Say why a whole model, which gets no head, does not end in the activation of a recipe, or return None.

    Args:
        activation: In which the model ends; "linear" for none.
        layer: Name of the layer.
        head: The head of the recipe.
        loss: The loss of the recipe.
        task: The task of the study.
    """
    wanted = resolve_head(loss, task) if head == "model" else head
    plain = ("linear", *_PROBABILITIES)
    if activation == wanted or (head == "model" and not (task.classifies and activation in plain and wanted in plain)):
        return None
    ending = "no activation" if wanted == "linear" else f"the activation {wanted}"
    found = "none" if activation == "linear" else activation
    return (
        f"A model must end in {ending} for the loss {loss} of this recipe, but layer {layer!r} has {found}. Set "
        f'`activation="{wanted}"` there, or append `keras.layers.Activation("{wanted}")` to raw outputs.'
    )


def _margin_warning(loss: str, head: str) -> str | None:
    if head == "tanh":
        return None
    return f"{loss} asks for outputs of -1 and 1 and beyond, and with the head {head} {_LIMITED[head]}"


def _probability_warning(loss: str, task: Task, head: str) -> str:
    if head == "softmax":
        return "softmax makes the labels exclude each other, and here several of them may be right"
    if head == "sigmoid":
        return "the classes exclude each other, and sigmoid scores each of them on its own"
    if LOSSES[loss].takes_any_output and head != "linear":
        return f"the targets are 0 and 1, and with the head {head} {_LIMITED[head]}; the scores are not probabilities"
    if LOSSES[loss].takes_any_output:
        return "with the head linear the outputs are not probabilities: they may fall below 0 and rise above 1"
    return _NOT_A_PROBABILITY.format(loss=loss, head=head, why=_WHY_NO_PROBABILITY[head])


def to_scores(outputs: np.ndarray, head: str, task: Task, loss: str | None = None) -> np.ndarray:
    """Convert outputs of a model to the scores that `MetricEntry.compute` takes.

    Args:
        outputs: Outputs of the model after its head, shape `(n, k)`, any real dtype.
        head: The head of the recipe.
        task: The task of the study.
        loss: The recipe's loss.  For the head "model" the outputs are taken to be what this loss asks for
            (margins for the hinge losses), and without it to be probabilities.

    Returns:
        float64 of the same shape: for regression the outputs themselves, for classification probability-like
        values in [0, 1].  Margins go through a sigmoid or softmax, which keeps their order and decisions; tanh
        outputs `t` become `(1 + t) / 2`.
    """
    given = np.asarray(outputs, dtype=np.float64)
    if head == "model":
        head = "sigmoid" if loss is None else resolve_head(loss, task)
    if not task.classifies or head in ("sigmoid", "softmax"):
        return given
    if head == "tanh":
        return (1.0 + given) / 2.0
    if head == "relu":
        return np.minimum(given, 1.0)
    return softmax(given) if task is Task.MULTICLASS else _sigmoid(given)


def _sigmoid(margins: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * margins))

"""What user code says of itself, read as the entry of a family: one function for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tuner.catalog.entries import (
    ActivationEntry,
    ClippingEntry,
    Entry,
    InitializerEntry,
    LoopEntry,
    LossEntry,
    MetricEntry,
    OptimizerEntry,
    Option,
    ScheduleEntry,
)
from tuner.catalog.optimizers import KERAS_OPTIMIZER_ARGUMENTS, user_optimizer_entry
from tuner.catalog.output_activations import HEADS
from tuner.catalog.task import CLASSIFICATION, EVERY_TASK, Task
from tuner.catalog.user_metric import UserMetric
from tuner.catalog.user_object import UserObject
from tuner.errors import ContentError, nearest, shown
from tuner.space import Categorical, Float, Int, Parameter
from tuner.text import with_article
from tuner.user_code import Definition

METRIC = "metric"
"""The family of objectives; all others are dimensions."""
KERAS_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "loss": ("name", "reduction", "dtype"),
    "initializer": ("seed",),
    "optimizer": KERAS_OPTIMIZER_ARGUMENTS,
}
"""Arguments of Keras's base classes, which are no options."""
_NUMBERS = Float(-1e30, 1e30)
_WHOLE_NUMBERS = Int(-(2**53) + 1, 2**53 - 1)
_WEIGHTS = ("weight", "sample_weight")
"""Arguments of a metric for the weights of the rows; the second is scikit-learn's."""
_YES_OR_NO = Categorical((False, True))


def _options(definition: Definition) -> tuple[Option, ...]:
    return tuple(
        Option(name, default, None, _allowed(default), f"argument of {definition.reference}")
        for name, default in definition.options.items()
    )


def _allowed(default: Any) -> Parameter | None:
    """Return what an option may be, by the type of its default; None for anything."""
    match default:
        case bool():
            return _YES_OR_NO
        case int():
            return _WHOLE_NUMBERS
        case float():
            return _NUMBERS
    return None


def _check_arguments(definition: Definition, expected: tuple[str, ...], family: str) -> None:
    """Refuse a definition that takes other arguments than the family gives."""
    given = () if definition.is_class else expected
    if len(definition.required) != len(given):
        takes = f"({', '.join(given)}, and options with defaults)" if given else "(options with defaults)"
        step = "Give each option a default"
        if len(definition.required) < len(given):
            step = f"Write def {definition.reference.function}({', '.join(given)})"
        raise ContentError(
            f"A{with_article(family)[1:]} is called with {takes}, but {definition.reference} "
            f"requires ({', '.join(definition.required)}). {step}."
        )


def _loss(definition: Definition, user_object: UserObject, task: Task | None, head: str) -> LossEntry:
    _check_arguments(definition, ("y_true", "y_pred"), "loss")

    def build(**options: Any) -> Any:
        import keras

        from tuner.catalog.function_loss import FunctionLoss

        if definition.is_class:
            return _made(user_object, keras.losses.Loss, options)
        return FunctionLoss(user_object.registered, options)

    heads, wrapper = _heads(definition, task, head), None if definition.is_class else "FunctionLoss"
    return LossEntry(*_texts(definition, "loss"), build, _options(definition), heads=heads, own_class=wrapper)


def _heads(definition: Definition, task: Task | None, head: str) -> dict[Task, str]:
    """Return the output activation of a loss for each task that may use it."""
    name, given = definition.reference.function, definition.attributes.get("heads")
    example = f'{name}.heads = {{"{task or Task.BINARY}": "sigmoid"}}'
    if definition.is_class:
        example = example.removeprefix(f"{name}.") + " in the class"
    if given is None:
        if task is not None and head in HEADS:
            return {task: head}
        in_code = "" if definition.reference.installed else f"{example}, or "
        raise ContentError(
            f"A loss says the output activation that it needs for each task, but {definition.reference} has no heads. "
            f'Write {in_code}head = "sigmoid" in the study file.'
        )
    tasks = {str(each) for each in Task}
    if not isinstance(given, Mapping) or not given or not {*given} <= tasks or not {*given.values()} <= {*HEADS}:
        raise ContentError(
            f"The heads of a loss map tasks ({', '.join(Task)}) to output activations ({', '.join(HEADS)}), but "
            f"{definition.reference} has heads = {given!r}. Write, for example, {example}."
        )
    return {Task(each): str(activation) for each, activation in given.items()}


def _metric(definition: Definition, user_object: UserObject, task: Task | None, head: str) -> MetricEntry:
    if definition.is_class:
        raise ContentError(
            f"A metric is a function of arrays, but {user_object.reference} is a class. Write a function."
        )
    given = user_object.metric_keys.get("options", {})
    _check_arguments(replace(definition, required=_not_given(definition.required, given)), ("truth", "scores"), METRIC)
    direction = _word(definition, user_object, "direction", ("minimize", "maximize"))
    takes = _word(definition, user_object, "takes", ("scores", "classes"), "scores")
    weight = next((name for name in _WEIGHTS if name in definition.options), None)
    options = _metric_options(definition, given)
    best = float("inf") if direction == "maximize" else float("-inf")
    return MetricEntry(
        str(definition.reference),
        direction,
        *_texts(definition, METRIC)[1:],
        UserMetric(user_object.reference, lambda: user_object.loaded, takes == "classes", weight, options),
        CLASSIFICATION if takes == "classes" else EVERY_TASK,
        best=best,
        worst=-best,
    )


def _not_given(required: tuple[str, ...], given: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the required arguments of a metric, without those that the study file gives by keyword."""
    return (*required[:2], *(name for name in required[2:] if name not in given))


def _metric_options(definition: Definition, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Check the options that a study gives to a metric, and return them."""
    free = [Option(name, None, None, None, "required") for name in definition.required[2:]]
    known = {option.name: option for option in (*_options(definition), *free) if option.name not in _WEIGHTS}
    for name, value in given.items():
        if name not in known:
            near = nearest(name, known)
            raise ContentError(
                f"The options of {definition.reference} are {', '.join(known) or 'none'}, but [objective] options has "
                f"{name}. {f'Rename it to {near}' if near else 'Remove it'}."
            )
        allowed = known[name].allowed
        if allowed is not None and value not in allowed:
            raise ContentError(
                f"The option {name} of {definition.reference} is like its default, {known[name].default!r}, but "
                f"[objective] options has {name} = {value!r}. Write a value of its type."
            )
    return given


def _word(
    definition: Definition, user_object: UserObject, attribute: str, words: tuple[str, ...], default: str | None = None
) -> str:
    """Return what the study file or the code says, one of some words."""
    given = user_object.metric_keys.get(attribute, definition.attributes.get(attribute, default))
    if given in words:
        return str(given)
    near = nearest(given, words) or words[0]
    what = "says none" if given is None else f"has {attribute} = {given!r}"
    raise ContentError(
        f"The {attribute} of a metric is {' or '.join(words)}, but {definition.reference} {what}. "
        + (
            f'Write {attribute} = "{near}" in [objective].'
            if definition.reference.installed
            else f'Write {definition.reference.function}.{attribute} = "{near}" below it.'
        )
    )


def _texts(definition: Definition, family: str) -> tuple[str, str, str]:
    """Return name, summary and source of an entry."""
    return str(definition.reference), definition.summary or f"a {family} of user code", definition.reference.path


def _made(user_object: UserObject, base: type, options: Mapping[str, Any]) -> Any:
    """Return an object of a class of user code that is derived from one of Keras."""
    made = user_object.registered(**options)
    if not isinstance(made, base):
        raise ContentError(
            f"A class of user code must derive from keras's {base.__name__}, but {user_object.reference} makes a "
            f"{type(made).__name__}. Derive it from {base.__name__}."
        )
    return made


def _schedule(definition: Definition, user_object: UserObject, task: Task | None, head: str) -> ScheduleEntry:
    _check_function(definition, ("step", "steps", "base"), "schedule")

    def build(steps: np.ndarray, total_steps: int, base: float, **options: Any) -> np.ndarray:
        rates = np.array([user_object.loaded(int(step), total_steps, base, **options) for step in steps])
        if rates.shape != np.shape(steps) or not np.issubdtype(rates.dtype, np.number):
            raise ContentError(
                f"A schedule returns one rate for each step, but {user_object.reference} returned "
                f"{shown(rates.tolist())}. Return a number."
            )
        wrong = np.flatnonzero(~np.isfinite(rates) | (rates < 0.0))
        if len(wrong):
            raise ContentError(
                f"A learning rate is finite and not negative, but {user_object.reference} returned "
                f"{rates[wrong[0]]:g} for step {int(steps[wrong[0]])} of {total_steps}. Correct the formula."
            )
        return rates.astype(np.float64)

    return ScheduleEntry(*_texts(definition, "schedule"), build, _options(definition))


def _activation(definition: Definition, user_object: UserObject, task: Task | None, head: str) -> ActivationEntry:
    _check_function(definition, ("x",), "activation")
    return ActivationEntry(*_texts(definition, "activation"), lambda: user_object.registered)


def _initializer(definition: Definition, user_object: UserObject, task: Task | None, head: str) -> InitializerEntry:
    _check_class(definition, "keras.initializers.Initializer", "initializer")

    def build(**options: Any) -> Any:
        import keras

        return _made(user_object, keras.initializers.Initializer, options)

    return InitializerEntry(*_texts(definition, "initializer"), build, _options(definition))


def _optimizer(definition: Definition, user_object: UserObject, task: Task | None, head: str) -> OptimizerEntry:
    _check_class(definition, "keras.optimizers.Optimizer", "optimizer")

    def make(**given: Any) -> Any:
        import keras

        return _made(user_object, keras.optimizers.Optimizer, given)

    return user_optimizer_entry(*_texts(definition, "optimizer"), make, _options(definition))


def _clipping(definition: Definition, user_object: UserObject, task: Task | None, head: str) -> ClippingEntry:
    _check_function(definition, ("gradients", "weights"), "clipping")
    return ClippingEntry(
        *_texts(definition, "clipping"),
        lambda **options: {},
        _options(definition),
        per_tensor=True,
        linear=False,
        load=lambda: user_object.loaded,
    )


def _loop(definition: Definition, user_object: UserObject, task: Task | None, head: str) -> LoopEntry:
    _check_function(definition, ("model", "recipe", "data", "report"), "loop")
    return LoopEntry(*_texts(definition, "loop"), lambda: user_object.loaded, _options(definition))


def _check_function(definition: Definition, expected: tuple[str, ...], family: str) -> None:
    if definition.is_class:
        raise ContentError(
            f"The {family} of user code is a function ({', '.join(expected)}), but {definition.reference} is a class. "
            "Write a function."
        )
    _check_arguments(definition, expected, family)


def _check_class(definition: Definition, base: str, family: str) -> None:
    if not definition.is_class:
        raise ContentError(
            f"The {family} of user code is a class of {base}, but {definition.reference} is a function. Write a class."
        )
    _check_arguments(definition, (), family)


READERS: Mapping[str, Callable[[Definition, UserObject, Task | None, str], Entry | MetricEntry]] = {
    "loss": _loss,
    METRIC: _metric,
    "optimizer": _optimizer,
    "schedule": _schedule,
    "initializer": _initializer,
    "activation": _activation,
    "clipping": _clipping,
    "loop": _loop,
}

"""Between our space and Optuna's distributions: suggest, read back, enqueue.

Optuna's categories are scalars, which it compares with `==`.  A choice that holds a tuple, or values that are equal for
Python (`1` and `true`), is therefore known to Optuna by the JSON text of its values; so is one of texts that could be
taken for that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tuner.search.stored_trial import StoredTrial, get_choices
from tuner.space import Categorical, Dimension, Fixed, Float, Int, Parameter, Scalar, Space, Value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, Trial

_MISSING = "\0missing"


def distribution(parameter: Parameter) -> BaseDistribution:
    """Convert a parameter to an Optuna distribution; a fixed one becomes a choice of one value."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match parameter:
        case Float(low, high, log, step):
            return FloatDistribution(low, _last(low, high, step), log=log, step=step)
        case Int(low, high, log, step):
            return IntDistribution(low, high - (high - low) % step, log=log, step=step)
        case Categorical(choices):
            return CategoricalDistribution(labels(choices))
        case Fixed(value):
            return CategoricalDistribution(labels((value,)))


def suggest(trial: Trial, space: Space) -> dict[str, Value]:
    """Ask the sampler for one setting.

    Conditions are real: what is inactive is neither asked for nor stored.

    Returns:
        The value of every active dimension, the fixed ones included.
    """

    def choose(dimension: Dimension) -> Value:
        name, parameter = dimension.name, dimension.parameter
        match parameter:
            case Float(low, high, log, step):
                return trial.suggest_float(name, low, _last(low, high, step), log=log, step=step)
            case Int(low, high, log, step):
                return trial.suggest_int(name, low, high - (high - low) % step, log=log, step=step)
            case Categorical(choices):
                return _value(parameter, trial.suggest_categorical(name, labels(choices)))
            case Fixed(value):
                return value

    return space.resolve(choose)


def params_from_trial(trial: FrozenTrial | StoredTrial | Trial, space: Space) -> dict[str, Value]:
    """Read the setting of a trial: the value of every active dimension, the fixed ones included.

    A trial that was interrupted while it was asked for lacks some values; these are absent here, too.
    """

    def choose(dimension: Dimension) -> Value:
        return _value(dimension.parameter, trial.params.get(dimension.name, _MISSING))

    return {name: value for name, value in space.resolve(choose).items() if value != _MISSING}


def searched_params(trial: FrozenTrial | StoredTrial) -> dict[str, Any]:
    """Read the searched, active parameters of a trial as plain JSON: a choice of lists is a list."""
    kinds = trial.distributions

    def decoded(name: str, label: Any) -> Any:
        choices = get_choices(kinds[name]) if name in kinds else None
        return label if choices is None or not _is_json(choices) else json.loads(label)

    return {name: decoded(name, label) for name, label in trial.params.items()}


def setting_key(trial: FrozenTrial | StoredTrial) -> str:
    """Name the setting of a stored trial: the same for equal ones, whatever the steps of a range were rounded to."""
    rounded = {name: f"{value:.9g}" if isinstance(value, float) else value for name, value in trial.params.items()}
    return json.dumps(rounded, sort_keys=True)


def to_optuna_params(values: Mapping[str, Value], space: Space) -> dict[str, Any]:
    """Convert the searched ones among `values` to parameters for `study.enqueue_trial`.

    Args:
        values: Values by dimension; not all of them need be given.
        space: The space they belong to.
    """
    return {
        dimension.name: _label(dimension.parameter, values[dimension.name])
        for dimension in space.searched
        if dimension.name in values
    }


def _last(low: float, high: float, step: float | None) -> float:
    """Return the last value of a range in steps: Optuna would correct `high` to it, in decimals as here, and warn."""
    if step is None:
        return high
    exact_low, exact_high, exact_step = (Decimal(str(value)) for value in (low, high, step))
    return float(exact_low + (exact_high - exact_low) // exact_step * exact_step)


def labels(choices: tuple[Value, ...]) -> tuple[Scalar, ...]:
    """Name the values of a choice as Optuna knows them."""
    scalars = [choice for choice in choices if not isinstance(choice, tuple)]
    if len(scalars) == len(choices) and len(set(choices)) == len(choices) and not _is_json(choices):
        return tuple(scalars)
    return tuple(json.dumps(choice) for choice in choices)


def _is_json(labels: Sequence[Any]) -> bool:
    """Return whether each is a text that `json.dumps` returns."""

    def is_json(label: Any) -> bool:
        try:
            return isinstance(label, str) and json.dumps(json.loads(label)) == label
        except ValueError:
            return False

    return all(is_json(label) for label in labels)


def _label(parameter: Parameter, value: Value) -> Any:
    if not isinstance(parameter, Categorical):
        return value
    index = next(i for i, c in enumerate(parameter.choices) if type(c) is type(value) and c == value)
    return labels(parameter.choices)[index]


def _value(parameter: Parameter, label: Any) -> Value:
    if not isinstance(parameter, Categorical) or label == _MISSING:
        value: Value = label
        return value
    return parameter.choices[labels(parameter.choices).index(label)]

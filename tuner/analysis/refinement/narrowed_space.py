"""Narrow all dimensions of a space by its trials: choices first, then numbers, each by the choice it depends on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tuner.analysis.refinement.narrowed_parameter import Attempt, Narrowed, narrow, narrow_range, shrink
from tuner.analysis.refinement.remaining_volume import remaining_volume
from tuner.analysis.top_trials import LEAST_TOP
from tuner.catalog import DIMENSIONS, ChoiceDimension
from tuner.space import Categorical, Dimension, Float, Int, Parameter, Space, Value

MAX_VOLUME = 0.5
"""A narrower space holds at most this share of the old one, if its trials allow it."""

MIN_TRIALS_OF_CHOICE = 6
"""Complete trials with a value of a choice that it takes to narrow a number for this value alone."""

MIN_BEST_TRIALS = 3
"""How many of these count as the best ones, at least."""

_SHARES = tuple(share / 100 for share in range(95, 45, -5))
"""Of each range, tried in turn until the space is halved: fewer than half of a range may lose its best value."""


@dataclass(frozen=True)
class TrialValues:
    """A trial with the value of each active dimension.

    Attributes:
        values: The values.
        better: How many trials of the study were better; all complete ones if it was pruned or diverged.
        complete: Whether it was trained to its end.
    """

    values: Mapping[str, Value]
    better: int
    complete: bool


def narrow_space(space: Space, trials: Sequence[TrialValues], top: int, share: float) -> dict[str, Narrowed]:
    """Narrow each searched dimension; halve the volume at least, if anything says where.

    Args:
        space: The space.
        trials: Its trials, the complete ones first and the best of them first.
        top: How many count as the best ones.
        share: That, as a share of the complete ones.
    """
    narrowed: dict[str, Narrowed] = {}
    for dimension in space.searched:
        name, parameter = dimension.name, dimension.parameter
        having = [trial for trial in trials if name in trial.values]
        values = [trial.values[name] for trial in trials[:top] if name in trial.values]
        narrowed[name] = narrow(parameter, values, [Attempt(trial.values[name], trial.better) for trial in having])
        if isinstance(parameter, Float | Int) and len(values) < LEAST_TOP:
            narrowed[name] = _narrowed_alone(name, parameter, having, trials[:top], share) or narrowed[name]
    for dimension in space.searched:
        narrowed[dimension.name] = _by_choice(dimension, narrowed, trials, top, share) or narrowed[dimension.name]
    return _halved(space, narrowed, trials[0].values)


def fits(values: Mapping[str, Value], narrowed: Mapping[str, Narrowed]) -> bool:
    """Return whether a setting is in the narrower space."""
    return all(
        value in narrowed[name].by_choice.get(str(values.get(narrowed[name].choice or "")), narrowed[name].parameter)
        for name, value in values.items()
        if name in narrowed
    )


def _narrowed_alone(
    name: str, parameter: Float | Int, having: Sequence[TrialValues], top: Sequence[TrialValues], share: float
) -> Narrowed | None:
    """Narrow a number by the best of the trials that have it, whatever others reach; None if they are too few."""
    complete = [trial for trial in having if trial.complete]
    if len(complete) < MIN_TRIALS_OF_CHOICE:
        return None
    among_best = sum(trial in top for trial in complete)
    best = complete[: max(MIN_BEST_TRIALS, among_best, math.ceil(share * len(complete) - 1e-9))]
    return narrow_range(parameter, [trial.values[name] for trial in best])


def _by_choice(
    dimension: Dimension, narrowed: Mapping[str, Narrowed], trials: Sequence[TrialValues], top: int, share: float
) -> Narrowed | None:
    """Narrow a number for each value of its choice by the trials with this value; None if none of them has enough."""
    name, parameter = dimension.name, dimension.parameter
    choice = _splitting_choice(name)
    kept = narrowed[choice].parameter if choice is not None and choice in narrowed else None
    if choice is None or not isinstance(parameter, Float | Int) or not isinstance(kept, Categorical):
        return None
    found: dict[str, Narrowed] = {}
    for value in kept.choices if len(kept.choices) > 1 else ():
        having = [trial for trial in trials if trial.values.get(choice) == value and name in trial.values]
        one = _narrowed_alone(name, parameter, having, trials[:top], share)
        if one is not None and one.parameter != parameter:
            found[str(value)] = one
    if not found:
        return None
    return Narrowed(
        parameter,
        f"kept for each {choice} with fewer than {MIN_TRIALS_OF_CHOICE} complete trials, or whose best trials say "
        "little",
        choice,
        {value: one.parameter for value, one in found.items()},
        {value: one.why for value, one in found.items()},
    )


def _splitting_choice(name: str) -> str | None:
    """Return the choice whose rows may have a number of their own: the optimizer of the learning rate."""
    for choice in DIMENSIONS.values():
        if isinstance(choice, ChoiceDimension) and name in choice.own:
            return choice.name
    return None


def _halved(space: Space, narrowed: dict[str, Narrowed], best: Mapping[str, Value]) -> dict[str, Narrowed]:
    """Narrow ranges around the best trial, then leave out doubtful choices, until the space is halved."""
    if remaining_volume(space, narrowed) <= MAX_VOLUME:
        return narrowed
    for share in _SHARES:
        new = {name: _shrunk(name, one, share, best) for name, one in narrowed.items()}
        if remaining_volume(space, new) <= MAX_VOLUME:
            return new
    doubts = [(chance, name, value) for name, one in new.items() for value, chance in one.doubts.items()]
    for chance, name, value in sorted(doubts, key=lambda doubt: doubt[0]):
        if chance == 1.0 or remaining_volume(space, new) <= MAX_VOLUME:
            break
        new[name] = _without(new[name], value)
    return new


def _shrunk(name: str, one: Narrowed, share: float, best: Mapping[str, Value]) -> Narrowed:
    """Narrow a range further, around the value of the best trial or, if it has none, around the middle."""
    row = str(best.get(one.choice or ""))  # of the best trial

    def around(parameter: Parameter, center: Any) -> Parameter:
        if not isinstance(parameter, Float | Int):
            return parameter
        return shrink(parameter, share, center if center in parameter else _middle(parameter))

    new = replace(
        one,
        parameter=around(one.parameter, None if row in one.by_choice else best.get(name)),
        by_choice={key: around(own, best.get(name) if key == row else None) for key, own in one.by_choice.items()},
    )
    changed = (new.parameter, new.by_choice) != (one.parameter, one.by_choice)
    return (
        replace(new, why=f"{one.why}; narrowed further around the best trial, to halve the space") if changed else one
    )


def _without(one: Narrowed, value: Value) -> Narrowed:
    if not isinstance(one.parameter, Categorical):
        return one
    kept = tuple(choice for choice in one.parameter.choices if choice != value)
    return replace(one, parameter=Categorical(kept), why=f"{one.why}; {value} is left out to halve the space")


def _middle(parameter: Float | Int) -> float:
    if parameter.log:
        return math.sqrt(parameter.low * parameter.high)
    return (parameter.low + parameter.high) / 2

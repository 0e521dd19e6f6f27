"""A parameter around what the best trials have."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tuner.analysis.top_trials import LEAST_TOP
from tuner.space import Categorical, Fixed, Float, Int, Parameter, Value
from tuner.text import count, significant

SMALLEST_MARGIN = 0.05
"""Of the whole range, on its scale: the new range is never narrower than a tenth of the old one."""

_MARGIN_OF_FEW = 0.5
"""Divided by their number, if these are fewer than `LEAST_TOP`: three values are often close by chance."""

WHOLE = 0.9
"""A range that would keep this share of the old one, or more, stays as it was."""

WEAK = 0.1
"""A choice is left out if one as good as the others would have its best trial this far behind less often than this."""


@dataclass(frozen=True)
class Attempt:
    """A trial in which a parameter counted.

    Attributes:
        value: The value it had.
        better: How many trials of the study were better, all complete ones if it was pruned or diverged.
    """

    value: Value
    better: int


@dataclass(frozen=True)
class Narrowed:
    """A parameter and what was done to it.

    Attributes:
        parameter: The new one; the old one if nothing was changed.
        why: One sentence with counts.
        choice: The choice by which a number is split, or None.
        by_choice: Row of that choice → the parameter that it has of its own.
        reasons: Row → one sentence with counts.
        doubts: Values of a choice that none of the best trials has, and that were tried too rarely to leave them out,
            each with the probability that chance alone does that.
    """

    parameter: Parameter
    why: str
    choice: str | None = None
    by_choice: Mapping[str, Parameter] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    doubts: Mapping[Value, float] = field(default_factory=dict)


def narrow(parameter: Parameter, top: Sequence[Value], tried: Sequence[Attempt]) -> Narrowed:
    """Narrow a parameter to the values of the best trials; unchanged if they say little.

    Args:
        parameter: As the study searched it.
        top: Its value in each of the best trials in which it counts, best first.
        tried: Each trial in which it counts, pruned and diverged ones too.
    """
    if isinstance(parameter, Categorical):
        return _choice(parameter, top, tried)
    if len(top) < LEAST_TOP:
        return Narrowed(parameter, f"kept: it is active in only {len(top)} of the best trials")
    return Narrowed(parameter, "fixed") if isinstance(parameter, Fixed) else narrow_range(parameter, top)


def narrow_range(parameter: Float | Int, top: Sequence[Value]) -> Narrowed:
    """Narrow a range to the best values, best first; unchanged if they are spread over nearly all of it."""
    return _range(parameter, [float(value) for value in top])  # type: ignore[arg-type]


def shrink(parameter: Float | Int, share: float, center: float) -> Float | Int:
    """Shrink a range to a share of its length on its scale, around a value as far as it allows."""
    to, back = _scale(parameter)
    low, high = to(parameter.low), to(parameter.high)
    width = share * (high - low)
    new_low = min(max(to(center) - width / 2, low), high - width)
    return _rounded(parameter, back(new_low), back(new_low + width))


def _range(parameter: Float | Int, top: Sequence[float]) -> Narrowed:
    """Narrow a range to the span of the best values with a margin, on its scale.

    The margin is the mean distance between neighbors: for values drawn evenly from an interval, the span and one such
    distance at each side is an unbiased estimate of the interval.
    """
    to, back = _scale(parameter)
    whole = to(parameter.high) - to(parameter.low)
    low, high = min(top), max(top)
    text = f"the best {len(top)} have {significant(low, 3)} … {significant(high, 3)}"
    span = to(high) - to(low)
    least = SMALLEST_MARGIN if len(top) >= LEAST_TOP else _MARGIN_OF_FEW / len(top)
    margin = max(span / (len(top) - 1), least * whole)
    if span + 2 * margin >= WHOLE * whole:
        return Narrowed(parameter, f"kept: {text}")
    new = _rounded(parameter, back(to(low) - margin), back(to(high) + margin))
    edge = next(
        (bound for bound in (parameter.low, parameter.high) if abs(to(top[0]) - to(bound)) < 0.01 * whole), None
    )
    hint = (
        ""
        if edge is None
        else f"; the very best is at the edge {significant(edge, 3)}: a wider range may hold better ones"
    )
    return Narrowed(new, f"{parameter} before; {text}, the very best {significant(top[0], 3)}{hint}")


def _scale(parameter: Float | Int) -> tuple[Callable[[float], float], Callable[[float], float]]:
    return (math.log, math.exp) if parameter.log else (float, float)


def _rounded(parameter: Float | Int, low: float, high: float) -> Float | Int:
    """Round a range outwards to short numbers, on its steps and within the old range."""
    if parameter.step not in (None, 1):
        step = float(parameter.step or 1)
        low = parameter.low + math.floor((low - parameter.low) / step + 1e-9) * step
        high = parameter.low + math.ceil((high - parameter.low) / step - 1e-9) * step
    if isinstance(parameter, Int):
        bounds = max(parameter.low, math.floor(low)), min(parameter.high, math.ceil(high))
        return Int(*bounds, log=parameter.log, step=parameter.step)
    if parameter.step is None:
        low, high = _short(low, math.floor), _short(high, math.ceil)
    return Float(max(parameter.low, low), min(parameter.high, high), log=parameter.log, step=parameter.step)


def _short(value: float, to_whole: Callable[[float], int]) -> float:
    """Round a number to two significant digits with `to_whole`."""
    if value == 0:
        return 0.0
    exponent = math.floor(math.log10(abs(value))) - 1
    return float(f"{to_whole(round(value / 10.0**exponent, 9))}e{exponent}")


def _choice(parameter: Categorical, top: Sequence[Value], tried: Sequence[Attempt]) -> Narrowed:
    """Leave out the values whose best trial is too far behind to be so by chance."""
    in_top = Counter(map(repr, top))
    behind: dict[str, list[int]] = {}
    for attempt in tried:
        behind.setdefault(repr(attempt.value), []).append(attempt.better)
    kept: list[Value] = []
    out: list[str] = []
    doubts: dict[Value, float] = {}
    for choice in parameter.choices:
        ranks = behind.get(repr(choice), [])
        if in_top[repr(choice)]:
            kept.append(choice)
            continue
        ahead = sum(attempt.better < min(ranks, default=0) for attempt in tried)
        chance = absent_by_chance(len(tried), len(ranks), ahead) if tried else 1.0
        if top and chance < WEAK:
            out.append(f"{_text(choice)} ({len(ranks)}, its best after {count(ahead, 'other')})")
        else:
            kept.append(choice)
            doubts[choice] = chance
    counts = ", ".join(f"{_text(choice)} {in_top[repr(choice)]}" for choice in kept if in_top[repr(choice)])
    why = f"the best {len(top)}: {counts}" if top else "it is active in none of the best trials"
    if out:
        why += f"; left out, tried but not among the best: {', '.join(out)}"
    if doubts and top:
        names = (f"{_text(choice)} ({len(behind.get(repr(choice), []))})" for choice in doubts)
        why += f"; kept, tried too rarely to judge: {', '.join(names)}"
    return Narrowed(Categorical(tuple(kept)) if out else parameter, why if out else f"kept: {why}", doubts=doubts)


def absent_by_chance(trials: int, tried: int, top: int) -> float:
    """Return the probability that none of the `top` of `trials` has a choice that `tried` of them have, by chance."""
    return math.comb(trials - tried, top) / math.comb(trials, top) if top <= trials else 1.0


def _text(value: Any) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)

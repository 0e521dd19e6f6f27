"""A parameter around what the best trials have."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.analysis.ranking import LEAST_TOP
from tuner.space import Categorical, Fixed, Float, Int, Parameter, Value

SMALLEST_MARGIN = 0.05
"""Of the whole range, on its scale: the new range is never narrower than a tenth of the old one."""

WHOLE = 0.9
"""A range that would keep this share of the old one, or more, stays as it was."""

WEAK = 0.1
"""A choice is left out where one as good as the others would be missing among the best trials less often than this."""


@dataclass(frozen=True)
class Narrowed:
    """A parameter and what was done to it.

    Attributes:
        parameter: The new one; the old one where nothing was changed.
        why: One sentence with counts.
    """

    parameter: Parameter
    why: str


def narrow(parameter: Parameter, top: Sequence[Value], tried: Sequence[Value]) -> Narrowed:
    """Narrow a parameter to the values of the best trials; unchanged if they say little.

    Args:
        parameter: As the study searched it.
        top: Its value in each of the best trials in which it counts, best first.
        tried: Its value in each trial in which it counts, pruned and diverged ones too.
    """
    if len(top) < LEAST_TOP:
        return Narrowed(parameter, f"kept: it counts in {len(top)} of the best trials only")
    match parameter:
        case Float() | Int():
            return _range(parameter, [float(value) for value in top])  # type: ignore[arg-type]
        case Categorical():
            return _choice(parameter, top, tried)
        case Fixed():
            return Narrowed(parameter, "fixed")


def _range(parameter: Float | Int, top: Sequence[float]) -> Narrowed:
    """Narrow a range to the span of the best values with a margin, on its scale.

    The margin is the mean distance between neighbours: for values drawn evenly from an interval, the span and one such
    distance at each side is an unbiased estimate of the interval.
    """
    to, back = _scale(parameter)
    whole = to(parameter.high) - to(parameter.low)
    low, high = min(top), max(top)
    text = f"the best {len(top)} have {low:.3g} … {high:.3g}"
    span = to(high) - to(low)
    margin = max(span / (len(top) - 1), SMALLEST_MARGIN * whole)
    if span + 2 * margin >= WHOLE * whole:
        return Narrowed(parameter, f"kept: {text}")
    new = _rounded(parameter, back(to(low) - margin), back(to(high) + margin))
    edge = next(
        (bound for bound in (parameter.low, parameter.high) if abs(to(top[0]) - to(bound)) < 0.01 * whole), None
    )
    hint = "" if edge is None else f"; the very best is at the edge {edge:.3g}: a wider range may hold better ones"
    return Narrowed(new, f"{parameter} before; {text}, the very best {top[0]:.3g}{hint}")


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


def _choice(parameter: Categorical, top: Sequence[Value], tried: Sequence[Value]) -> Narrowed:
    in_top, in_all = Counter(map(repr, top)), Counter(map(repr, tried))
    kept: list[Value] = []
    out, weak = [], []
    for choice in parameter.choices:
        count = in_all[repr(choice)]
        if in_top[repr(choice)]:
            kept.append(choice)
        elif absent_by_chance(len(tried), count, len(top)) < WEAK:
            out.append(f"{_text(choice)} ({count})")
        else:
            kept.append(choice)
            weak.append(f"{_text(choice)} ({count})")
    counts = ", ".join(f"{_text(choice)} {in_top[repr(choice)]}" for choice in kept if in_top[repr(choice)])
    why = f"the best {len(top)}: {counts}"
    if out:
        why += f"; left out, tried without being among them: {', '.join(out)}"
    if weak:
        why += f"; kept, tried too seldom to judge: {', '.join(weak)}"
    return Narrowed(Categorical(tuple(kept)) if out else parameter, why if out else f"kept: {why}")


def absent_by_chance(trials: int, tried: int, top: int) -> float:
    """Return the probability that none of the `top` of `trials` has a choice that `tried` of them have, by chance."""
    return math.comb(trials - tried, top) / math.comb(trials, top) if top <= trials else 1.0


def _text(value: Any) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)

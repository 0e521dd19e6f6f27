"""Intervals, bounds and tests over seeds and rows.

Notation: v_1 … v_n the scores of a recipe with n seeds, s their standard deviation; r the standard error that comes
from the rows being a sample, of N independent units: rows, or groups of them.  Sources:

- t bounds: Student 1908, The Probable Error of a Mean;
- limits of a proportion: Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953;
- limits of a sum from those of its terms, by squares: Zou and Donner 2008, https://doi.org/10.1002/sim.3095 (for two
  proportions it is Newcombe's method 10);
- a proportion of rows in groups: the effective sample size, Kish 1965; in Wilson's interval, Dean and Pagano 2015,
  https://doi.org/10.1093/jssam/smv024;
- degrees of freedom of a sum of variances: Welch 1947, Satterthwaite 1946, https://doi.org/10.2307/3002019.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuner.catalog import Objective

CONFIDENCE_LEVEL = 0.95
"""Of every interval and bound."""

_Z = 1.959963984540054
Z2 = _Z * _Z
"""Rows that an interval of `CONFIDENCE_LEVEL` allows for in addition to those of the sample (Wilson 1927)."""


@dataclass(frozen=True)
class ErrorWidths:
    """How far an interval reaches below and above its estimate."""

    below: float
    above: float


@dataclass(frozen=True)
class Interval:
    """An interval that contains a number in `CONFIDENCE_LEVEL` of cases."""

    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """Return it as plain JSON."""
        return {"low": self.low, "high": self.high}


def lower_bound(values: Sequence[float], objective: Objective) -> float:
    """Return the one-sided 95 % bound of the mean: less (if lower is better, plus) `t · s / √n`."""
    from scipy.stats import t

    count = len(values)
    width = float(t.ppf(CONFIDENCE_LEVEL, count - 1)) * float(np.std(values, ddof=1)) / math.sqrt(count)
    return objective.improve(float(np.mean(values)), -width)


def seeds_width(values: Sequence[float], others: int | None = None) -> float:
    """`t · s · √(1 / n)`: how far the mean over n seeds is from that over all of them.

    With `others` it is `t · s · √(1 / n + 1 / others)`, how far from the mean over that many other seeds.
    """
    from scipy.stats import t

    count = len(values)
    share = 1.0 / count + (1.0 / others if others else 0.0)
    return float(t.ppf((1.0 + CONFIDENCE_LEVEL) / 2.0, count - 1)) * float(np.std(values, ddof=1)) * math.sqrt(share)


def wilson(share: float, rows: float) -> ErrorWidths:
    """Wilson's limits of a proportion, of which `share` was seen in that many rows."""
    center = (share + Z2 / (2.0 * rows)) / (1.0 + Z2 / rows)
    half = _Z / (1.0 + Z2 / rows) * math.sqrt(share * (1.0 - share) / rows + Z2 / (4.0 * rows * rows))
    return ErrorWidths(max(0.0, share - (center - half)), max(0.0, center + half - share))


def normal(error: float) -> ErrorWidths:
    """±1.96 standard errors."""
    return ErrorWidths(_Z * error, _Z * error)


def student(error: float, freedom: int) -> ErrorWidths:
    """Give the quantile of Student's t times the standard error, on either side."""
    from scipy.stats import t

    half = float(t.ppf((1.0 + CONFIDENCE_LEVEL) / 2.0, max(1, freedom))) * error
    return ErrorWidths(half, half)


def clustered_rows(share: float, error: float, rows: float, groups: float) -> float:
    """Return the number of independent rows that a proportion of rows in groups is worth.

    `rows / (1 + (m - 1) ρ)`, with m rows a group, and ρ how alike the rows of a group are.  ρ is what the error says,
    and as if one more group were all alike: few wrong answers do not show whether they come group by group.  That is
    times `(z / t)²`, as the error of few groups is not known well (Korn and Graubard 1998).

    Args:
        share: The proportion.
        error: Its standard error over the groups.
        rows, groups: Effective numbers.
    """
    from scipy.stats import t

    size, variance = rows / groups, share * (1.0 - share) / rows
    if size <= 1.0:
        return groups
    alike = 1.0
    if variance > 0.0 and math.isfinite(error):
        seen = min(1.0, max(0.0, (error * error / variance - 1.0) / (size - 1.0)))
        informative = min(groups, rows * min(share, 1.0 - share))
        alike = (informative * seen + 1.0) / (informative + 1.0)
    known: float = _Z / float(t.ppf((1.0 + CONFIDENCE_LEVEL) / 2.0, max(1.0, groups - 1.0)))
    return rows / (1.0 + (size - 1.0) * alike) * known * known


def interval_around(value: float, widths: Sequence[ErrorWidths], lowest: float, highest: float) -> Interval | None:
    """Combine independent errors into an interval, clipped to the limits; or None if one is not known."""
    below = math.hypot(*(width.below for width in widths))
    above = math.hypot(*(width.above for width in widths))
    if not math.isfinite(below + above):
        return None
    return Interval(max(lowest, value - below), min(highest, value + above))


def p_of_difference(differences: Sequence[float], error: float, units: int, *, one_sided: bool) -> float:
    """Return the p-value of a difference over seeds, paired, and over units of rows.

    `t = mean / √(s² / n + r²)` with the degrees of freedom of Welch and Satterthwaite.

    Args:
        differences: One a seed, in the direction that is better; two at least.
        error: r, of their mean.
        units: N.
        one_sided: Whether only a positive difference counts.
    """
    from scipy.stats import t

    count = len(differences)
    mean, seeds = float(np.mean(differences)), float(np.var(differences, ddof=1)) / count
    total = seeds + error * error
    if total == 0.0:
        return 1.0 if mean == 0.0 or (one_sided and mean < 0.0) else 0.0
    freedom = total**2 / (seeds**2 / (count - 1) + error**4 / max(1, units - 1))
    statistic = mean / math.sqrt(total)
    return float(t.sf(statistic, freedom)) if one_sided else float(2.0 * t.sf(abs(statistic), freedom))

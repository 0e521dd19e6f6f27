"""The axis of an objective: it starts on the better half, and what is beyond is marked at its edge."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tuner.report.plots.style import NEUTRAL, buttons, option, text

_WIDE_RATIO = 30.0
_DECADES = 1.5
_SPREAD = 0.4
"""The better half fills a plot of all values well enough if it takes this share of it."""

FEWEST_FOR_HALF = 4
"""Of fewer trials all are shown."""

_LOWEST = 0.02
_EDGE = 0.03
EDGE_AXIS = "y3"
"""Marks at the edge are on an axis of their own, which moves out of sight while all values are shown."""


@dataclass(frozen=True)
class ValueRange:
    """The range of an objective that a plot shows.

    Attributes:
        name: Of the objective.
        log: Whether its axis is logarithmic, as positive values are far apart.
        whole: Ends of the axis that shows all values; powers of ten if `log`.
        half: The same for the better half of them, or None if `whole` shows that well.
        maximize: Whether higher is better.
    """

    name: str
    log: bool
    whole: tuple[float, float] | None
    half: tuple[float, float] | None
    maximize: bool

    @classmethod
    def covering(cls, name: str, values: Iterable[float | None], maximize: bool) -> ValueRange:
        """Find the range of these values of an objective; None and what is not finite are left out."""
        known = np.array([value for value in values if value is not None and np.isfinite(value)], np.float64)
        if not len(known):
            return cls(name, False, None, None, maximize)
        if known.min() == known.max():
            around = abs(float(known[0])) / 2 or 1.0
            return cls(name, False, (float(known[0]) - around, float(known[0]) + around), None, maximize)
        share = maximize and known.max() <= 1.0  # an accuracy of 0.01 is bad, not small
        log = bool(not share and known.min() > 0 and known.max() / known.min() > _WIDE_RATIO)
        places = np.log10(known) if log else known
        best, middle, worst = np.quantile(places, [1.0, 0.5, 0.0] if maximize else [0.0, 0.5, 1.0])
        near = len(known) < FEWEST_FOR_HALF or middle == best or abs(middle - best) > _SPREAD * abs(worst - best)
        return cls(name, log, _ends(worst, best, 0.05), None if near else _ends(middle, best, 0.08), maximize)

    @classmethod
    def of_rates(cls, name: str, values: Iterable[float | None]) -> ValueRange:
        """Find the range of learning rates, without the lowest ones: a schedule may end close to 0."""
        known = np.array([value for value in values if value], np.float64)
        return cls.covering(name, known[known >= np.quantile(known, _LOWEST)], True).without_half()

    def without_half(self) -> ValueRange:
        """Return the range that shows all values."""
        return replace(self, half=None)

    def layout(self) -> dict[str, Any]:
        """Return its axis, and that of the marks at its edge, as keywords of `figure`."""
        axis: dict[str, Any] = {"title": {"text": text(self.name)}}
        shown = self.half or self.whole
        if shown is not None:
            axis["range"] = list(shown)
        if self.log and shown is not None:
            ticks = {"dtick": 1} if shown[1] - shown[0] > _DECADES else {}
            axis |= {"type": "log", "exponentformat": "power", **ticks}
        edge = {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True}
        return {"yaxis": axis, **({"yaxis3": edge} if self.half else {})}

    def controls(self) -> list[dict[str, Any]]:
        """Return buttons for the better half and for all values; none if that is the same."""
        if self.half is None or self.whole is None:
            return []
        half = {"yaxis.range": list(self.half), "yaxis3.range": [0, 1]}
        whole = {"yaxis.range": list(self.whole), "yaxis3.range": [2, 3]}
        return [buttons("range", [option("better half", half), option("all values", whole)])]

    def is_beyond(self, value: float) -> bool:
        """Return whether a value is worse than what is shown first."""
        if self.half is None or not np.isfinite(value):
            return False
        place = value if not self.log else math.log10(value)
        return place < self.half[0] if self.maximize else place > self.half[1]

    def marks(self, x: Sequence[Any], hover: Sequence[str], name: str) -> dict[str, Any]:
        """Return a trace of marks at the edge: there are worse values than what is shown.

        Args:
            x: Where.
            hover: What each stands for.
            name: Of the trace.
        """
        return {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": x,
            "y": [_EDGE if self.maximize else 1 - _EDGE] * len(x),
            "yaxis": EDGE_AXIS,
            "marker": {
                "color": NEUTRAL,
                "symbol": "triangle-down" if self.maximize else "triangle-up",
                "size": 8,
            },
            "hovertext": list(hover),
            "hovertemplate": "%{hovertext}<extra></extra>",
            "showlegend": True,
        }


def _ends(worse: float, better: float, margin: float) -> tuple[float, float]:
    """Return the ends of an axis in order, with a margin."""
    wide = margin * (better - worse)
    low, high = sorted((float(worse - wide), float(better + wide)))
    return low, high

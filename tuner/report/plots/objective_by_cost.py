"""The objective against what the network costs, with the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from tuner.analysis import COSTS, find_pareto_front
from tuner.catalog import TrialState
from tuner.report.plots.style import ACCENT, NEUTRAL, STATES, figure, hover_format, menu, only, option, text
from tuner.report.plots.value_range import ValueRange
from tuner.report.study_view import StudyView, TrialView
from tuner.text import value_text

_TITLES = {"weights": "weights", "multiply_adds": "multiply-adds of one row", "predict_ms": "ms to predict one row"}
_WIDE_RATIO = 10.0
"""Costs that are further apart have a logarithmic axis."""
_DECADES = 1.5
_MARGIN = 0.04
_BEST = "#D55E00"


def objective_by_cost(results: StudyView) -> Figure | str:
    """Points are complete trials; the line is the best value that each cost has reached."""
    known = _known_costs(results)
    if not known:
        return "No complete trial has a known network size."
    values = [seen.value for seen, _ in known["weights"]]
    shown = ValueRange.covering(results.metric, values, results.objective.maximize)
    traces: list[dict[str, Any]] = []
    bounds, axes = [], []
    for cost, pairs in known.items():
        begin = len(traces)
        traces += [one for one in _traces(results, cost, pairs, shown) if len(one["x"])]
        bounds.append((begin, len(traces)))
        axes.append(_axis(cost, [*(x for _, x in pairs), *_limits(results, cost)]))
    for trace in traces[bounds[0][1] :]:
        trace["visible"] = False
    options = [
        option(_TITLES[cost], {f"xaxis.{key}": part for key, part in axis.items()}, visible=only(*bound, len(traces)))
        for cost, axis, bound in zip(known, axes, bounds, strict=True)
    ]
    return figure(
        traces,
        controls=[*shown.controls(), *([menu("cost", options)] if len(options) > 1 else [])],
        xaxis=axes[0],
        yaxis2={"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
        showlegend=True,
        **shown.layout(),
    )


def costs_differ(results: StudyView) -> bool:
    """Return whether complete trials have networks of different sizes; times differ in any case."""
    known = _known_costs(results)
    return any(len({x for _, x in pairs}) > 1 for cost, pairs in known.items() if cost != "predict_ms")


def _known_costs(results: StudyView) -> dict[str, list[tuple[TrialView, float]]]:
    """Return cost → the complete trials for which it is known, each with its cost."""
    complete = [seen for seen in results.in_state(TrialState.COMPLETE) if seen.value is not None]
    rows = [(seen, seen.network_cost) for seen in complete]
    known = {cost: [(seen, float(row[cost])) for seen, row in rows if row[cost] is not None] for cost in COSTS}
    return {cost: pairs for cost, pairs in known.items() if pairs}


def _axis(cost: str, costs: Sequence[float]) -> dict[str, Any]:
    """Return the axis of a cost, with room beyond the least and the greatest."""
    low, high = min(costs), max(costs)
    log = low > 0 and high / low > _WIDE_RATIO
    low, high = (math.log10(low), math.log10(high)) if log else (low, high)
    margin = _MARGIN * (high - low or abs(high) or 1.0)
    ticks: dict[str, Any] = {"type": "linear", "tickmode": "auto"}
    if log:
        steps = (1, 2, 5) if high - low < _DECADES else (1,)
        powers = range(math.floor(low), math.ceil(high) + 1)
        ticks = {
            "type": "log",
            "tickmode": "array",
            "tickvals": [step * 10.0**power for power in powers for step in steps],
        }
        ticks["ticktext"] = [f"{value:,g}" if value < 1 else f"{value:,.0f}" for value in ticks["tickvals"]]
    return {"title": {"text": _TITLES[cost]}, "range": [low - margin, high + margin], **ticks}


def _traces(
    results: StudyView, cost: str, pairs: Sequence[tuple[TrialView, float]], shown: ValueRange
) -> list[dict[str, Any]]:
    number = hover_format(seen.value for seen, _ in pairs)
    many = ".3~g" if cost == "predict_ms" else ",.0f"
    axes = f"%{{x:{many}}} {_TITLES[cost]}<br>{text(results.metric)} %{{y:{number}}}"
    hover = f"trial %{{customdata}}<br>{axes}<extra></extra>"
    color, symbol = STATES[TrialState.COMPLETE]
    points = {
        "type": "scatter",
        "mode": "markers",
        "name": "complete",
        "x": np.array([x for _, x in pairs]),
        "y": np.array([seen.value for seen, _ in pairs], np.float32),
        "customdata": [seen.number for seen, _ in pairs],
        "marker": {"color": color, "symbol": symbol, "size": 7, "opacity": 0.7},
        "hovertemplate": hover,
    }
    return [
        points,
        _front(results, cost, max(x for _, x in pairs)),
        *_best(results, pairs, hover),
        *_beyond(results, pairs, shown),
        *_limit(results, cost),
    ]


def _front(results: StudyView, cost: str, largest: float) -> dict[str, Any]:
    """Draw the best value up to each cost, as a staircase that ends at the largest cost of all trials."""
    rows = find_pareto_front(results.study.record.trials, results.objective, cost)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Pareto front",
        "x": [*(row[cost] for row in rows), largest],
        "y": [*(row["value"] for row in rows), rows[-1]["value"]],
        "line": {"shape": "hv", "color": ACCENT, "width": 2},
        "hoverinfo": "skip",
    }


def _best(results: StudyView, pairs: Sequence[tuple[TrialView, float]], hover: str) -> list[dict[str, Any]]:
    best = results.best
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "best",
            "x": [x],
            "y": [seen.value],
            "customdata": [seen.number],
            "marker": {"color": _BEST, "symbol": "star", "size": 14},
            "hovertemplate": hover,
        }
        for seen, x in pairs
        if best is not None and seen.number == best.number
    ]


def _beyond(results: StudyView, pairs: Sequence[tuple[TrialView, float]], shown: ValueRange) -> list[dict[str, Any]]:
    worse = [(seen, x) for seen, x in pairs if seen.value is not None and shown.is_beyond(seen.value)]
    hover = [f"trial {seen.number}<br>{text(results.metric)} {value_text(seen.value)}" for seen, _ in worse]
    return [shown.marks([x for _, x in worse], hover, "out of range")] if worse else []


def _limit(results: StudyView, cost: str) -> list[dict[str, Any]]:
    """Draw the limit of the study as a vertical line, if it has one."""
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "limit",
            "x": [limit, limit],
            "y": [0, 1],
            "yaxis": "y2",
            "line": {"color": NEUTRAL, "width": 1.5, "dash": "dash"},
            "hoverinfo": "skip",
        }
        for limit in _limits(results, cost)
    ]


def _limits(results: StudyView, cost: str) -> list[float]:
    return [float(results.limits[cost])] if cost in results.limits else []

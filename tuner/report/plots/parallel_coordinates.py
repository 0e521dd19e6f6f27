"""The dimensions of the complete trials that mattered most, side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from tuner.catalog import written_value
from tuner.report.plots.style import GRID, NEUTRAL, RAMP, buttons, cut, figure, number_text, option, text
from tuner.report.plots.value_range import ValueRange
from tuner.report.study_view import StudyView, TrialView
from tuner.text import significant

MIN_TRIALS = 2
_MOST_DIMENSIONS = 6
_ABSENT = 0.12
"""Part of an axis of numbers with the trials for which the dimension is inactive."""

_SPREAD = 0.35
_LONGEST_NAME = 20
_CHARACTERS = 42
"""That the choices of one dimension have together: they are written side by side in a narrow window."""

_SHARES = (0.1, 0.25, 0.5, 1.0)
_LABELS = ("best tenth", "to the best quarter", "to the better half", "worse half")
_COLORS = RAMP[::-1]
_FADED = 0.22
_LEAST_BEST = 3


@dataclass(frozen=True)
class _Axis:
    """An axis.

    Attributes:
        name: What it shows.
        places: Of each trial, 0 at the low end and 1 at the high one.
        values: Of each trial, as text.
        ticks: Place → label.
    """

    name: str
    places: np.ndarray
    values: list[str]
    ticks: dict[float, str]


def parallel(results: StudyView) -> Figure | str:
    """Plot a line per complete trial through the objective and its value of each dimension, the best ones in color.

    In a narrow window the axes are below each other: `layout.meta.narrow` is the figure for it.
    """
    trials = results.ranking[::-1]  # the best are drawn last, on top of the others
    if len(trials) < MIN_TRIALS:
        return f"Parallel coordinates need {MIN_TRIALS} complete trials."
    names = [name for name in results.by_importance if any(name in seen.params for seen in trials)]
    axes = [_objective(results, trials), *(_dimension(name, trials) for name in names[:_MOST_DIMENSIONS])]
    narrow = _drawn(axes, trials, upright=False)
    return _drawn(axes, trials, upright=True, meta={"narrow": narrow.to_plotly_json()})


def _drawn(axes: Sequence[_Axis], trials: Sequence[TrialView], *, upright: bool, **layout: Any) -> Figure:
    last = len(axes) - 1
    along = {"range": [-0.04, 1.04], "visible": False, "fixedrange": True}
    if upright:
        across = {"range": [-0.02, last + 0.04], "visible": False, "fixedrange": True}
        size: dict[str, Any] = {"height": 440, "margin": {"l": 96, "r": 24, "t": 44, "b": 44}}
        frame = {"xaxis": across, "yaxis": along, **size}
    else:
        across = {"range": [last + 0.4, -0.4], "visible": False, "fixedrange": True}
        size = {"height": 90 + 66 * len(axes), "margin": {"l": 8, "r": 8, "t": 14, "b": 76}}
        frame = {"xaxis": along, "yaxis": across, **size}
    groups = _groups(len(trials))
    traces = [_lines(axes, trials, group, label, upright) for group, label in zip(groups, _LABELS, strict=True)]
    traces = [trace for trace in traces[::-1] if trace["x"].size]
    return figure(
        traces,
        controls=[buttons("highlighted", _highlights([trace["name"] for trace in traces]))],
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 0, "xanchor": "left", "yanchor": "top", "traceorder": "reversed"},
        shapes=[_line(at, upright) for at in range(len(axes))],
        annotations=[note for at, axis in enumerate(axes) for note in _notes(at, axis, upright)],
        **frame,
        **layout,
    )


def _groups(count: int) -> list[range]:
    """Return the positions of each share of the trials, the best share first, of trials with the best one last."""
    ends = [min(count, max(_LEAST_BEST, math.ceil(share * count))) for share in _SHARES]
    return [range(count - end, count - begin) for begin, end in zip([0, *ends[:-1]], ends, strict=True)]


def _highlights(names: Sequence[str]) -> list[dict[str, Any]]:
    """Return what is in color, for the names of the traces in their order."""
    places = [_LABELS.index(name) for name in names]
    found = []
    for label, most in (("best tenth", 1), ("best quarter", 2), ("all", len(_LABELS))):
        colors = [_COLORS[place] if place < most else NEUTRAL for place in places]
        shades = [0.85 if place < most else _FADED for place in places]
        change: dict[str, Any] = {"line.color": colors, "opacity": shades}
        found.append(option(label, **change))
    return found


def _lines(
    axes: Sequence[_Axis], trials: Sequence[TrialView], group: range, label: str, upright: bool
) -> dict[str, Any]:
    """Return the lines of a group as one with gaps."""
    gap = [math.nan]
    positions = np.array([[*range(len(axes)), math.nan] for _ in group], np.float32).ravel()
    places = np.array([[*(axis.places[at] for axis in axes), *gap] for at in group], np.float32).ravel()
    hover = [
        note
        for at in group
        for note in [*(f"trial {trials[at].number}<br>{text(a.name)} {text(a.values[at])}" for a in axes), ""]
    ]
    best = label == _LABELS[0]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": label,
        "x": positions if upright else places,
        "y": places if upright else positions,
        "line": {"color": _COLORS[0] if best else NEUTRAL, "width": 1.6 if best else 1.1},
        "opacity": 0.85 if best else _FADED,
        "hovertext": hover,
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _line(at: int, upright: bool) -> dict[str, Any]:
    ends = {"x0": at, "x1": at, "y0": 0, "y1": 1} if upright else {"y0": at, "y1": at, "x0": 0, "x1": 1}
    return {"type": "line", "layer": "below", "line": {"color": GRID, "width": 2}, **ends}


def _notes(at: int, axis: _Axis, upright: bool) -> list[dict[str, Any]]:
    """Return the name of an axis and the labels of its ticks."""
    common = {"showarrow": False, "font": {"size": 11}, "borderpad": 1}
    ticks = []
    for place, label in axis.ticks.items():
        if upright:
            spot: dict[str, Any] = {"x": at, "y": place, "xanchor": "right", "yanchor": "middle", "xshift": -4}
        else:
            anchor = "left" if place < 0.02 else "right" if place > 0.98 else "center"
            spot = {"x": place, "y": at, "xanchor": anchor, "yanchor": "top", "yshift": -3}
        ticks.append({**common, **spot, "text": text(label)})
    name = {**common, "text": text(cut(axis.name, _LONGEST_NAME)), "font": {"size": 12, "weight": 600}}
    if upright:
        return [
            *ticks,
            {**name, "x": at, "y": 1, "xanchor": "right" if at else "center", "yanchor": "bottom", "yshift": 14},
        ]
    return [*ticks, {**name, "x": 0, "y": at, "xanchor": "left", "yanchor": "bottom", "yshift": 4}]


def _objective(results: StudyView, trials: Sequence[TrialView]) -> _Axis:
    """Return the axis of the objective; values far worse than most are at its end."""
    values = np.array([seen.value for seen in trials], np.float64)
    shown = ValueRange.covering(results.metric, values, results.objective.maximize)
    texts = [significant(float(value)) for value in values]
    if shown.whole is None or values.min() == values.max():
        return _Axis(results.metric, np.full(len(values), 0.5), texts, {0.5: number_text(float(values[0]))})
    low, high = shown.half or shown.whole
    if results.objective.maximize and values.max() <= 1.0:
        high = min(high, 1.0)
    scaled = np.log10(values) if shown.log else values
    ticks = {}
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        at = low + share * (high - low)
        ticks[share] = significant(float(10**at if shown.log else at), 3)
    if (scaled < low).any():
        ticks[0.0] = f"≤ {ticks[0.0]}"
    if (scaled > high).any():
        ticks[1.0] = f"≥ {ticks[1.0]}"
    return _Axis(results.metric, np.clip((scaled - low) / (high - low), 0.0, 1.0), texts, ticks)


def _dimension(name: str, trials: Sequence[TrialView]) -> _Axis:
    kind = next(seen for seen in trials if name in seen.params).trial.distributions[name]
    short = name.removeprefix("model.")
    values = [number_text(seen.params[name]) if name in seen.params else "–" for seen in trials]
    if kind.choices is not None:
        known = [str(written_value(name, choice)) for choice in kind.choices]
        found = [str(seen.params[name]) if name in seen.params else "–" for seen in trials]
        labels = list(dict.fromkeys([*(["–"] if "–" in found else []), *known, *found]))
        spread = np.random.default_rng(0).uniform(-_SPREAD, _SPREAD, len(trials))
        places = (np.array([labels.index(label) for label in found]) + 0.5 + spread) / len(labels)
        longest = max(4, _CHARACTERS // len(labels))
        return _Axis(
            short, places, values, {(at + 0.5) / len(labels): cut(label, longest) for at, label in enumerate(labels)}
        )
    log = kind.log
    low, high = (math.log10(end) if log else float(end) for end in (kind.low, kind.high))
    absent = _ABSENT if "–" in values else 0.0
    width = (high - low) or 1.0

    def place(value: Any) -> float:
        return absent + (1.0 - absent) * ((math.log10(value) if log else float(value)) - low) / width

    places = np.array([place(seen.params[name]) if name in seen.params else 0.0 for seen in trials])
    middle = 10 ** ((low + high) / 2) if log else (low + high) / 2
    ticks = {place(value): number_text(float(f"{value:.3g}")) for value in (kind.low, middle, kind.high)}
    return _Axis(short, places, values, {**({0.0: "–"} if absent else {}), **ticks})

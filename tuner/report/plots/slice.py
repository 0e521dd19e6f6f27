"""The objective against the values of one dimension, which is chosen above the plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from tuner.catalog import TrialState, written_value
from tuner.report.plots.style import STATES, cut, figure, hover_format, menu, only, option, text
from tuner.report.plots.value_range import ValueRange
from tuner.report.study_view import StudyView, TrialView
from tuner.text import value_text

_SPREAD = 0.18


def values(results: StudyView) -> Figure | str:
    """Points are trials with a value; the most important dimension comes first.

    Choices are spread sideways a little, so that equal trials do not hide each other.
    """
    valued = [seen for seen in results.trials if seen.value is not None]
    having = {name: [seen for seen in valued if name in seen.params] for name in results.by_importance}
    names = [name for name, trials in having.items() if trials]
    if not names:
        return "No trial has a value yet."
    shown = ValueRange.covering(results.metric, [seen.value for seen in valued], results.objective.maximize)
    traces: list[dict[str, Any]] = []
    bounds, axes = [], []
    for name in names:
        axis, places = _axis(name, having[name])
        begin = len(traces)
        pairs = list(zip(having[name], places, strict=True))
        for state in (TrialState.PRUNED, TrialState.COMPLETE):
            some = [(seen, x) for seen, x in pairs if seen.state == state]
            if some:
                traces.append(_points(results, name, state, some))
        traces += _beyond(results, name, pairs, shown)
        bounds.append((begin, len(traces)))
        axes.append(axis)
    for trace in traces[bounds[0][1] :]:
        trace["visible"] = False
    options = [
        option(name, {f"xaxis.{key}": value for key, value in axis.items()}, visible=only(*bound, len(traces)))
        for name, axis, bound in zip(names, axes, bounds, strict=True)
    ]
    return figure(
        traces,
        controls=[*shown.controls(), *([menu("dimension", options)] if len(names) > 1 else [])],
        xaxis=axes[0],
        showlegend=True,
        **shown.layout(),
    )


def _beyond(
    results: StudyView, name: str, pairs: Sequence[tuple[TrialView, float]], shown: ValueRange
) -> list[dict[str, Any]]:
    """Mark the trials that are worse than what is shown."""
    worse = [(seen, x) for seen, x in pairs if seen.value is not None and shown.is_beyond(seen.value)]
    hover = [
        f"trial {seen.number}, {seen.state}<br>{text(name)} {text(seen.params[name])}<br>"
        f"{text(results.metric)} {value_text(seen.value)}"
        for seen, _ in worse
    ]
    return [shown.marks([x for _, x in worse], hover, "out of range")] if worse else []


def _axis(name: str, trials: Sequence[TrialView]) -> tuple[dict[str, Any], list[float]]:
    """Return the axis of a dimension, and the position of each trial on it."""
    kind = trials[-1].trial.distributions[name]
    axis: dict[str, Any] = {"title": {"text": text(name)}}
    if kind.choices is None:
        scale = {"type": "log", "exponentformat": "power"} if kind.log else {"type": "linear", "exponentformat": "none"}
        return {**axis, **scale, "tickmode": "auto", "autorange": True}, [float(seen.params[name]) for seen in trials]
    # By their texts: True and 1 are equal to Python, but not the same choice.
    labels = list(
        dict.fromkeys(
            [
                *(str(written_value(name, choice)) for choice in kind.choices),
                *(str(seen.params[name]) for seen in trials),
            ]
        )
    )
    spread = np.random.default_rng(0).uniform(-_SPREAD, _SPREAD, len(trials))
    places = [labels.index(str(seen.params[name])) + move for seen, move in zip(trials, spread, strict=True)]
    ticks = {"tickvals": list(range(len(labels))), "ticktext": [text(cut(label)) for label in labels]}
    # A label at the end of the axis would be left out where it does not fit.
    whole = {"range": [-0.5, len(labels) - 0.5], "autorange": False}
    return {**axis, **whole, "type": "linear", "tickmode": "array", **ticks}, [float(place) for place in places]


def _points(
    results: StudyView, name: str, state: TrialState, some: Sequence[tuple[TrialView, float]]
) -> dict[str, Any]:
    color, symbol = STATES[state]
    number = hover_format(seen.value for seen, _ in some)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": state,
        "x": np.array([x for _, x in some], np.float32),
        "y": np.array([seen.value for seen, _ in some], np.float32),
        "customdata": [[seen.number, text(seen.params[name])] for seen, _ in some],
        "marker": {"color": color, "symbol": symbol, "size": 7, "opacity": 0.8},
        "hovertemplate": (
            f"trial %{{customdata[0]}}<br>{text(name)} %{{customdata[1]}}<br>"
            f"{text(results.metric)} %{{y:{number}}}<extra>{state}</extra>"
        ),
    }

"""The objective of every trial, and the best so far."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from plotly.graph_objects import Figure

from tuner.catalog import TrialState
from tuner.report.plots.style import ACCENT, STATES, figure, hover_format, text
from tuner.report.plots.value_range import ValueRange
from tuner.report.study_view import StudyView, TrialView
from tuner.text import value_text


def history(results: StudyView) -> Figure | str:
    """Points are trials by number; the line is the best of the complete ones up to there.

    Trials without a value, diverged ones above all, are marks at the edge, as are those that are worse than what is
    shown.
    """
    valued = [seen for seen in results.trials if seen.value is not None]
    if not valued:
        return "No trial has a value yet."
    shown = ValueRange.covering(results.metric, [seen.value for seen in valued], results.objective.maximize)
    traces: list[dict[str, Any]] = [
        _points(results, state, [seen for seen in valued if seen.state == state])
        for state in (TrialState.COMPLETE, TrialState.PRUNED)
    ]
    traces += [
        _marks(state, results.in_state(state), results.objective.maximize)
        for state in (TrialState.DIVERGED, TrialState.FAILED, TrialState.RUNNING)
        if results.in_state(state)
    ]
    complete = results.in_state(TrialState.COMPLETE)

    def pick(best: float, value: float) -> float:
        return value if results.objective.better(value, best) else best

    values = [seen.value for seen in complete if seen.value is not None]
    best: list[float] = list(accumulate(values, pick))
    if complete:
        line: dict[str, Any] = {
            "type": "scatter",
            "mode": "lines",
            "name": "best so far",
            "x": [*(seen.number for seen in complete), results.trials[-1].number],
            "y": [*best, best[-1]],
            "line": {"shape": "hv", "color": ACCENT, "width": 2},
            "hoverinfo": "skip",
        }
        traces.insert(0, line)
    beyond = [seen for seen in valued if seen.value is not None and shown.is_beyond(seen.value)]
    hover = [f"trial {seen.number}, {seen.state}<br>{text(results.metric)} {value_text(seen.value)}" for seen in beyond]
    traces.append(shown.marks([seen.number for seen in beyond], hover, "out of range"))
    return figure(
        [trace for trace in traces if len(trace["x"])],
        controls=shown.controls(),
        xaxis={"title": {"text": "trial"}},
        yaxis2={"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
        **shown.layout(),
    )


def _points(results: StudyView, state: TrialState, trials: list[TrialView]) -> dict[str, object]:
    color, symbol = STATES[state]
    number = hover_format(seen.value for seen in trials)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": state,
        "x": [seen.number for seen in trials],
        "y": [seen.value for seen in trials],
        "marker": {"color": color, "symbol": symbol, "size": 7},
        "hovertemplate": f"trial %{{x}}<br>{text(results.metric)} %{{y:{number}}}<extra>{state}</extra>",
    }


def _marks(state: TrialState, trials: list[TrialView], maximize: bool) -> dict[str, object]:
    color, symbol = STATES[state]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": state,
        "x": [seen.number for seen in trials],
        "y": [0.02 if maximize else 0.98] * len(trials),
        "yaxis": "y2",
        "marker": {"color": color, "symbol": symbol, "size": 8},
        "hovertext": [text(seen.reason or state) for seen in trials],
        "hovertemplate": f"trial %{{x}}<br>%{{hovertext}}<extra>{state}</extra>",
    }

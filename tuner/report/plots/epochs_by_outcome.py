"""Epochs spent and saved by the state in which trials ended."""

from __future__ import annotations

from plotly.graph_objects import Figure

from tuner.catalog import FINISHED_STATES
from tuner.report.plots.style import NEUTRAL, STATES, figure
from tuner.report.study_view import StudyView


def epochs_spent(results: StudyView) -> Figure | str:
    """Epochs that were trained, and those that were not because a trial was ended early; a bar a kind of ending."""
    planned = results.planned_epochs
    rows = [(state, results.in_state(state)) for state in FINISHED_STATES]
    rows = [(state, trials) for state, trials in rows if trials][::-1]
    if not any(seen.epochs for _, trials in rows for seen in trials):
        return "No trial has trained an epoch yet."
    names = [f"{state} ({len(trials)})" for state, trials in rows]
    spent = [sum(seen.epochs for seen in trials) for _, trials in rows]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": "trained",
            "x": spent,
            "y": names,
            "marker": {"color": [STATES[state][0] for state, _ in rows]},
            "hovertemplate": "%{y}: %{x} epochs trained<extra></extra>",
            "showlegend": False,
        }
    ]
    if planned is not None:
        saved = [sum(max(0, planned - seen.epochs) for seen in trials) for _, trials in rows]
        hatched = {"shape": "/", "fgcolor": NEUTRAL, "bgcolor": "rgba(0,0,0,0)", "solidity": 0.25}
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": "not trained, as the trial was ended early",
                "x": saved,
                "y": names,
                "marker": {"color": "rgba(0,0,0,0)", "pattern": hatched, "line": {"color": NEUTRAL, "width": 1}},
                "hovertemplate": "%{y}: %{x} epochs saved<extra></extra>",
                "showlegend": True,
            }
        )
    return figure(
        traces,
        barmode="stack",
        bargap=0.35,
        xaxis={"title": {"text": "epochs"}},
        yaxis={"type": "category"},
        height=130 + 42 * len(rows),
    )

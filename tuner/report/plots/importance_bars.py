"""Importance of each dimension, with its uncertainty."""

from __future__ import annotations

from plotly.graph_objects import Figure

from tuner.report.plots.style import ACCENT, NEUTRAL, figure, text
from tuner.report.study_view import StudyView


def importances(results: StudyView) -> Figure | str:
    """Plot a bar per dimension with its 90 % interval; those that did not matter are gray."""
    content = results.importance
    rows = [row for row in content["dimensions"] if row["share"] is not None][::-1]
    if not rows:
        return str(content["meaning"])
    names = [text(row["name"]) for row in rows]
    share = [row["share"] for row in rows]
    bars = {
        "type": "bar",
        "orientation": "h",
        "name": "share of the differences",
        "x": share,
        "y": names,
        "marker": {"color": [ACCENT if row["mattered"] else NEUTRAL for row in rows]},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [row["high"] - row["share"] for row in rows],
            "arrayminus": [row["share"] - row["low"] for row in rows],
            "thickness": 1.2,
            "width": 4,
            "color": NEUTRAL,
        },
        "customdata": [[row["low"], row["high"], row["p"], text(row["top"] or "")] for row in rows],
        "hovertemplate": (
            "%{y}: %{x:.0%}, 90 % interval %{customdata[0]:.0%} … %{customdata[1]:.0%}<br>"
            "p = %{customdata[2]:.2g}<br>the best trials have %{customdata[3]}<extra></extra>"
        ),
    }
    return figure(
        [bars],
        xaxis={"title": {"text": "share of the differences"}, "tickformat": ".0%", "rangemode": "tozero"},
        yaxis={"type": "category"},
        height=max(260, 100 + 30 * len(rows)),
    )

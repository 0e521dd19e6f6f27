"""The curves of one trial: the objective, its losses, its learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from tuner.report.plots.style import CHOICES, NEUTRAL, epoch_axis, figure, hover_format, text
from tuner.report.plots.value_range import ValueRange
from tuner.report.study_view import StudyView, TrialView

_HEIGHT_PX = 280


def trial_curves(results: StudyView, seen: TrialView) -> dict[str, Figure]:
    """Return a figure for each title: those that were measured."""
    curve = seen.curve
    maximize = results.objective.maximize
    panels = {
        results.metric: _panel(seen, results.metric, [("validation", curve.metric)], maximize=maximize),
        "Loss": _panel(seen, "loss", [("training", curve.loss), ("validation", curve.val_loss)], maximize=False),
        "Learning rate": _panel(seen, "learning rate", [("", curve.rate)], maximize=False),
    }
    return {title: drawn for title, drawn in panels.items() if drawn is not None}


def _panel(
    seen: TrialView, name: str, lines: Sequence[tuple[str, Sequence[float | None]]], *, maximize: bool
) -> Figure | None:
    measured = [(label, values) for label, values in lines if any(value is not None for value in values)]
    if not measured:
        return None
    epochs = seen.curve.epochs
    everything = [value for _, values in measured for value in values]
    rates = lines[0][1] is seen.curve.rate
    shown = ValueRange.of_rates(name, everything) if rates else ValueRange.covering(name, everything, maximize)
    traces = [_line(epochs, label, values, CHOICES[3 * at]) for at, (label, values) in enumerate(measured)]
    return figure(
        traces,
        xaxis=epoch_axis(epochs[0], epochs[-1]),
        showlegend=len(measured) > 1,
        height=_HEIGHT_PX,
        shapes=_selected(seen),
        **shown.without_half().layout(),
    )


def _line(epochs: Sequence[int], label: str, values: Sequence[float | None], color: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(epochs) == 1 else "lines",
        "name": text(label),
        "x": np.array(epochs, np.int32),
        "y": np.array([np.nan if value is None else value for value in values], np.float32),
        "line": {"color": color, "width": 2},
        "hovertemplate": f"epoch %{{x}}: %{{y:{hover_format(values)}}}<extra></extra>",
    }


def _selected(seen: TrialView) -> list[dict[str, Any]]:
    at = seen.marked_epoch
    if at is None:
        return []
    line = {"color": NEUTRAL, "dash": "dash", "width": 1}
    return [{"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper", "line": line}]

"""All dimensions of the complete trials side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna.distributions import CategoricalDistribution
from plotly.graph_objects import Figure

from tuner.catalog import TrialState, written_value
from tuner.report.plots.style import SCALE, cut, figure, number_text, text
from tuner.report.study_view import StudyView, TrialView

LEAST = 2
_LONGEST_NAME = 26
_MANY = 6
_BELOW = 0.12
"""Distance below a range of trials in which the dimension does not count, as a share of the range."""


def parallel(results: StudyView) -> Figure | str:
    """Plot a line per complete trial through its value of each dimension, coloured by the objective.

    Dragging along an axis keeps the lines that pass there.
    """
    trials = [seen for seen in results.in_state(TrialState.COMPLETE) if seen.value is not None]
    if len(trials) < LEAST:
        return f"Parallel coordinates need {LEAST} complete trials."
    names = [name for name in results.by_importance if any(name in seen.params for seen in trials)]
    objective = np.array([seen.value for seen in trials], np.float32)
    axes = [*(_dimension(name, trials) for name in names[::-1]), _objective(results.metric, objective)]
    low, high = np.quantile(
        objective, [0.0, 1.0] if len(trials) < 20 else [0.05, 1.0] if results.objective.maximize else [0, 0.95]
    )
    trace = {
        "type": "parcoords",
        "dimensions": axes,
        "line": {
            "color": objective,
            "colorscale": SCALE,
            "cmin": float(low),
            "cmax": float(high),
            "showscale": False,
            "reversescale": not results.objective.maximize,
        },
        "labelside": "top",
        "tickfont": {"size": 12 if len(axes) <= _MANY else 10},
        "labelangle": -14 if len(axes) > _MANY else 0,
    }
    return figure([trace], margin={"l": 128, "r": 40, "t": 84, "b": 28}, height=460)


def _objective(metric: str, values: np.ndarray) -> dict[str, Any]:
    ticks = np.linspace(values.min(), values.max(), 6).tolist() if values.min() < values.max() else [float(values[0])]
    return {
        "label": text(metric),
        "values": values,
        "tickvals": ticks,
        "ticktext": [number_text(float(tick)) for tick in ticks],
    }


def _dimension(name: str, trials: Sequence[TrialView]) -> dict[str, Any]:
    kind = next(seen for seen in trials if name in seen.params).trial.distributions[name]
    label = text(cut(name, _LONGEST_NAME))
    if isinstance(kind, CategoricalDistribution):
        labels = [str(written_value(name, choice)) for choice in kind.choices]
        labels += [str(s.params[name]) for s in trials if name in s.params and str(s.params[name]) not in labels]
        places: list[float] = [labels.index(str(seen.params[name])) if name in seen.params else -1 for seen in trials]
        ticks: dict[float, str] = {float(at): label for at, label in enumerate(labels)}
        low, high = 0.0, float(max(1, len(labels) - 1))
    else:
        to = math.log10 if getattr(kind, "log", False) else float
        low, high = to(kind.low), to(kind.high)  # type: ignore[attr-defined]
        missing = low - _BELOW * (high - low)
        places = [to(seen.params[name]) if name in seen.params else missing for seen in trials]
        ticks = {
            at: number_text(float(10**at if to is math.log10 else at)) for at in np.linspace(low, high, 5).tolist()
        }
    absent = any(name not in seen.params for seen in trials)
    if absent:
        ticks = {min(places): "–", **ticks}
    return {
        "label": label,
        "values": np.array(places, np.float32),
        "range": [min([low, *places]), max([high, *places])],
        "tickvals": list(ticks),
        "ticktext": [cut(str(tick)) for tick in ticks.values()],  # here alone Plotly reads no tags
    }

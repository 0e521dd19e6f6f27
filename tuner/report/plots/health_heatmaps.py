"""Health of trainings as heat maps: all trials over the epochs, and the layers of one trial over the epochs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from tuner.health import Probe
from tuner.report.health_counts import NOT_MEASURED, count_verdicts
from tuner.report.plots.curves import chosen, which
from tuner.report.plots.style import SCALE, figure, menu, only, option, text
from tuner.report.study_view import StudyView, TrialView
from tuner.text import significant

_MOST_TRIALS = 6
_MOST_TICKS = 9
_FLOOR = 1e-12


@dataclass(frozen=True)
class _Measure:
    """A row of the table of measures.

    Attributes:
        title: What it is called.
        log: Whether powers of ten are shown; else it is a share from 0 to 1.
    """

    title: str
    log: bool


_MEASURES = {
    "gradient_norm": _Measure("gradient norm", True),
    "update_ratio": _Measure("update-to-weight ratio", True),
    "dead_share": _Measure("share of dead units", False),
    "saturated_share": _Measure("share of saturated values", False),
}
"""Field of `LayerHealth` → measure."""

Folds = Mapping[int, Sequence[Probe]]
"""Fold → its probes."""


def trials_by_epoch(results: StudyView) -> Figure | str:
    """Plot a heat map per measure, one shown at a time: trials by the epochs of their probes."""
    having = [seen for seen in results.trials if results.probes.get(seen.number)]
    if not having:
        return NOT_MEASURED
    many = len(having)
    having = chosen(results, having)
    epochs = sorted({probe.epoch for seen in having for probe in _all(results.probes[seen.number])})
    traces, names = [], []
    for key, measure in _MEASURES.items():
        grid = [_largest(results.probes[seen.number], key, epochs) for seen in having]
        if any(value is not None for row in grid for value in row):
            rows = [str(seen.number) for seen in having]
            notes = [[text(seen.verdict or "not judged")] * len(epochs) for seen in having]
            traces.append(_heat(measure, grid, rows, epochs, _bounds(measure, grid), notes, "trial"))
            names.append(measure.title)
    for trace in traces[1:]:
        trace["visible"] = False
    return figure(
        traces,
        controls=_choice(names),
        xaxis=_epochs(epochs, which(len(having), many)),
        yaxis={"title": {"text": "trial"}, "type": "category", "autorange": "reversed", "nticks": 20},
        height=min(900, max(320, 160 + 9 * len(having))),
    )


def layers_by_epoch(results: StudyView) -> Figure | str:
    """Plot a heat map per measure of some trials, one shown at a time: layers by the epochs of their probes."""
    examples = _examples(results)
    if not examples:
        return NOT_MEASURED
    traces, names = [], []
    for label, seen in examples:
        probes = next(iter(results.probes[seen.number].values()))
        epochs = [probe.epoch for probe in probes]
        for key, measure in _MEASURES.items():
            names_of_layers = [layer.layer for layer in probes[0].layers]
            rows = {name: [_layer(probe, name, key) for probe in probes] for name in names_of_layers}
            rows = {name: row for name, row in rows.items() if any(value is not None for value in row)}
            if rows:
                every = [_values(_all(results.probes[one.number]), key) for _, one in examples]
                grid = list(rows.values())
                traces.append(_heat(measure, grid, list(rows), epochs, _bounds(measure, every), None, "layer"))
                names.append(f"{label}: {measure.title}")
    for trace in traces[1:]:
        trace["visible"] = False
    return figure(
        traces,
        controls=_choice(names),
        xaxis=_epochs(sorted({probe.epoch for _, seen in examples for probe in _all(results.probes[seen.number])})),
        yaxis={"type": "category", "autorange": "reversed"},
        height=190 + 26 * max(len(trace["y"]) for trace in traces),
    )


def _choice(names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the menu of what is shown, one trace each."""
    options = [option(name, visible=only(at, at + 1, len(names))) for at, name in enumerate(names)]
    return [menu("shown", options)] if len(names) > 1 else []


def _epochs(epochs: Sequence[int], note: str = "") -> dict[str, Any]:
    """Return an axis of the epochs of the probes, not all of them written."""
    step = -(-len(epochs) // _MOST_TICKS)
    ticks = [str(epoch) for epoch in epochs[::step]]
    return {"title": {"text": f"epoch{note}"}, "type": "category", "tickvals": ticks, "tickangle": 0}


def _examples(results: StudyView) -> list[tuple[str, TrialView]]:
    """Return the best trial and the first one with each verdict, with a label each."""
    best = [] if results.best is None else [results.best]
    found: dict[int, tuple[str, TrialView]] = {}
    for seen in [*best, *(one.trials[0] for one in count_verdicts(results))]:
        if results.probes.get(seen.number):
            best_one = ", the best" if seen in best else ""
            found.setdefault(seen.number, (f"trial {seen.number}{best_one}, {seen.verdict or 'not judged'}", seen))
    return list(found.values())[:_MOST_TRIALS]


def _all(folds: Folds) -> list[Probe]:
    return [probe for probes in folds.values() for probe in probes]


def _layer(probe: Probe, name: str, key: str) -> float | None:
    return next((getattr(layer, key) for layer in probe.layers if layer.layer == name), None)


def _values(probes: Iterable[Probe], key: str) -> list[float]:
    return [value for probe in probes for layer in probe.layers if (value := getattr(layer, key)) is not None]


def _largest(folds: Folds, key: str, epochs: Sequence[int]) -> list[float | None]:
    """Return the largest number over layers and folds of a trial at each epoch, or None if not measured."""
    found = []
    for epoch in epochs:
        values = _values([probe for probe in _all(folds) if probe.epoch == epoch], key)
        found.append(max(values) if values else None)
    return found


def _bounds(measure: _Measure, grid: Iterable[Sequence[float | None]]) -> tuple[float, float]:
    """Return the ends of the color scale; on a log scale without the outermost two percent."""
    if not measure.log:
        return 0.0, 1.0
    known = [math.log10(max(value, _FLOOR)) for row in grid for value in row if value is not None]
    low, high = (float(bound) for bound in np.quantile(known or [0.0], [0.02, 0.98]))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _heat(
    measure: _Measure,
    grid: Sequence[Sequence[float | None]],
    rows: Sequence[str],
    epochs: Sequence[int],
    bounds: tuple[float, float],
    notes: Sequence[Sequence[str]] | None,
    row: str,
) -> dict[str, Any]:
    colors = [
        [None if value is None else math.log10(max(value, _FLOOR)) if measure.log else value for value in row]
        for row in grid
    ]
    shown = [["not finite, or not there" if value is None else significant(value, 3) for value in row] for row in grid]
    if notes is not None:
        shown = [[f"{a}<br>{b}" for a, b in zip(*pair, strict=True)] for pair in zip(shown, notes, strict=True)]
    ticks = _ticks(measure, bounds)
    return {
        "type": "heatmap",
        "name": measure.title,
        "x": [str(epoch) for epoch in epochs],
        "y": [text(row) for row in rows],
        "z": colors,
        "zmin": bounds[0],
        "zmax": bounds[1],
        "colorscale": SCALE,
        "xgap": 1 if len(epochs) < 30 else 0,
        "ygap": 1 if len(rows) < 100 else 0,
        "text": shown,
        "hovertemplate": f"{row} %{{y}}, epoch %{{x}}<br>{measure.title} %{{text}}<extra></extra>",
        "colorbar": {"thickness": 12, "outlinewidth": 0, "tickvals": list(ticks), "ticktext": list(ticks.values())},
    }


def _ticks(measure: _Measure, bounds: tuple[float, float]) -> dict[float, str]:
    if not measure.log:
        return {at: f"{at:.0%}" for at in (0.0, 0.5, 1.0)}
    places = np.linspace(*bounds, 4).tolist()
    return {place: significant(10**place, 1) for place in places}

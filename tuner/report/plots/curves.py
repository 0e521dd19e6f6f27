"""Learning curves of the trials, colored by the value of a dimension that is chosen above the plot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from tuner.analysis import group_trials, ranked
from tuner.catalog import DIMENSIONS, SCHEDULES, ChoiceDimension, TrialState
from tuner.health import VERDICTS
from tuner.report.plots.style import (
    NEUTRAL,
    STATES,
    color,
    dash,
    epoch_axis,
    figure,
    hover_format,
    menu,
    only,
    option,
    ramp,
    text,
)
from tuner.report.plots.value_range import FEWEST_FOR_HALF, ValueRange
from tuner.report.study_view import StudyView, TrialView
from tuner.results import Curve
from tuner.text import count, listed

MOST_CURVES = 300
"""More lines than this cannot be distinguished, and make the page slow: then the best third of them and every n-th of
the others are drawn."""

_BINS = 4
_NAMED = 8
_SCHEDULES = {name for name, one in DIMENSIONS.items() if isinstance(one, ChoiceDimension) and one.table is SCHEDULES}

Numbers = Callable[[Curve], Sequence[float | None]]


def learning_curves(results: StudyView) -> Figure | str:
    """Plot the objective on validation data after each epoch."""
    return _drawn(results, lambda curve: curve.metric, results.metric, results.objective.maximize) or (
        "No trial has trained an epoch yet."
    )


def rate_curves(results: StudyView) -> Figure | str:
    """Plot the learning rate of each epoch."""
    return _drawn(results, lambda curve: curve.rate, "learning rate", None) or "No learning rates were recorded."


def has_schedules(results: StudyView) -> bool:
    """Return whether a schedule was searched; else all learning rates have the same shape."""
    return any(name.partition(".")[0] in _SCHEDULES for name in results.dimensions)


def chosen(results: StudyView, having: Sequence[TrialView]) -> list[TrialView]:
    """Return the trials whose curves are drawn, by number."""
    if len(having) <= MOST_CURVES:
        return list(having)
    complete = [seen for seen in having if seen.state == TrialState.COMPLETE and seen.value is not None]
    best = ranked(complete, results.objective)[: MOST_CURVES // 3]
    numbers = {seen.number for seen in best}
    others = [seen for seen in having if seen.number not in numbers]
    every = np.linspace(0, len(others) - 1, MOST_CURVES - len(best)).astype(int)
    return sorted([*best, *(others[at] for at in every)], key=lambda seen: seen.number)


def which(drawn: int, having: int) -> str:
    """Return the suffix of an axis title if not all trials are drawn."""
    return f"<br>{drawn} of {having:,}: the best, and a sample" if drawn < having else ""


def _drawn(results: StudyView, numbers: Numbers, name: str, maximize: bool | None) -> Figure | None:
    having = [seen for seen in results.trials if any(value is not None for value in numbers(seen.curve))]
    if not having:
        return None
    drawn = chosen(results, having)
    traces: list[dict[str, Any]] = []
    entries: list[tuple[str, int, int]] = []
    for dimension, groups in _colorings(results, drawn):
        entries.append((dimension, len(traces), len(traces) + len(groups)))
        traces += [_trace(trials, numbers, label, name, style) for label, trials, style in groups]
    for trace in traces[entries[0][2] :]:
        trace["visible"] = False
    values = [value for seen in drawn for value in numbers(seen.curve)]
    rates = maximize is None
    shown = ValueRange.of_rates(name, values) if rates else ValueRange.covering(name, values, bool(maximize))
    if len(drawn) < FEWEST_FOR_HALF:
        shown = shown.without_half()
    marks = _ends_beyond(drawn, numbers, shown)
    traces += marks
    always = [len(traces) - 1] if marks else []
    options = [
        option(f"by {dimension}", visible=only(begin, end, len(traces), always)) for dimension, begin, end in entries
    ]
    epochs = [epoch for seen in drawn for epoch in (seen.curve.epochs[0], seen.curve.epochs[-1])]
    return figure(
        traces,
        controls=[*shown.controls(), *([menu("color", options)] if len(options) > 1 else [])],
        xaxis=epoch_axis(min(epochs), max(epochs), which(len(drawn), len(having))),
        showlegend=True,
        **shown.layout(),
    )


def _ends_beyond(drawn: Sequence[TrialView], numbers: Numbers, shown: ValueRange) -> list[dict[str, Any]]:
    """Mark the epochs at which curves end that are worse than what is shown."""
    ending: dict[int, list[int]] = defaultdict(list)
    for seen in drawn:
        last = next((value for value in reversed(numbers(seen.curve)) if value is not None), None)
        if last is not None and shown.is_beyond(last):
            ending[seen.curve.epochs[-1]].append(seen.number)
    if not ending:
        return []
    hover = [
        f"{count(len(trials), 'curve')} of epoch {epoch}, worse than shown: trial "
        f"{listed([str(number) for number in trials[:_NAMED]])}{' …' if len(trials) > _NAMED else ''}"
        for epoch, trials in sorted(ending.items())
    ]
    return [shown.marks(sorted(ending), hover, "out of range")]


def _colorings(
    results: StudyView, drawn: Sequence[TrialView]
) -> Iterator[tuple[str, list[tuple[str, list[TrialView], Any]]]]:
    """Yield dimensions with their groups of trials, each with a label and a line style; the states come last."""
    by_number = {seen.number: seen for seen in drawn}
    for dimension in results.by_importance:
        found = group_trials([seen.trial for seen in drawn], dimension, _BINS)
        count = sum(group.value is not None for group in found)
        if count:
            numeric = found[0].low is not None or isinstance(found[0].value, float)
            colors = ramp(count) if numeric else [color(at) for at in range(count)]
            yield (
                dimension,
                [
                    (
                        "(inactive)" if group.value is None else str(group.value),
                        [by_number[trial.number] for trial in group.trials],
                        _line(NEUTRAL, 0) if group.value is None else _line(colors[at], 0 if numeric else at),
                    )
                    for at, group in enumerate(found)
                ],
            )
    verdicts = [
        (verdict, [seen for seen in drawn if seen.verdict == verdict], _line(color(at), at))
        for at, verdict in enumerate(VERDICTS[::-1])  # "healthy" has the first color
    ]
    if any(trials for _, trials, _ in verdicts):
        yield "health", [group for group in verdicts if group[1]]
    states = [(state, [seen for seen in drawn if seen.state == state], _line(STATES[state][0], 0)) for state in STATES]
    yield "how the trial ended", [group for group in states if group[1]]


def _line(shade: str, at: int) -> dict[str, Any]:
    return {"color": shade, "width": 1.3, "dash": dash(at)}


def _trace(
    trials: Sequence[TrialView], numbers: Numbers, label: str, name: str, line: dict[str, Any]
) -> dict[str, Any]:
    """Return all curves of a group as one line with gaps: fast to draw, and small as arrays of bytes."""
    x, y, number = [], [], []
    for seen in trials:
        values = numbers(seen.curve)
        x += [*seen.curve.epochs, seen.curve.epochs[-1]]
        y += [*(np.nan if value is None else value for value in values), np.nan]
        number += [seen.number] * (len(values) + 1)
    shown = f"%{{y:{hover_format(y)}}}"
    return {
        "type": "scatter",
        "mode": "lines+markers" if max(len(seen.curve.epochs) for seen in trials) == 1 else "lines",
        "name": text(label),
        "x": _small(x),
        "y": np.array(y, np.float32),
        "customdata": _small(number),
        "line": line,
        "opacity": 0.75,
        "hovertemplate": f"trial %{{customdata}}, epoch %{{x}}<br>{text(name)} {shown}<extra>{text(label)}</extra>",
    }


def _small(numbers: Sequence[int]) -> np.ndarray:
    """Whole numbers in as few bytes as they need: they are written to the page byte by byte."""
    return np.array(
        numbers, next(kind for kind in (np.uint8, np.uint16, np.int32) if max(numbers) <= np.iinfo(kind).max)
    )

"""The curves of one trial as an SVG, for pages that can show no Plotly figures.

Three panels side by side: the objective, both losses, the learning rate.  An epoch whose number was not finite is
a gap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tuner.report.study_view import StudyView, TrialView
from tuner.text import Html, count, element, number

WIDTH, HEIGHT = 960, 280
_PANEL, _GAP = 250, 64
_LEFT, _TOP, _BOTTOM = 58, 40, 232
_STYLE = (
    "rect { fill: #fff } text { fill: #5a6372 } line { stroke: #dfe3e8 } .title { fill: #1b1f26; font-weight: 600 } "
    ".mark { stroke: #5a6372; stroke-dasharray: 4 4 } "
    "@media (prefers-color-scheme: dark) { rect { fill: #14171c } text { fill: #a3adbb } line { stroke: #333a45 } "
    ".title { fill: #e7eaef } .mark { stroke: #a3adbb } }"
)
"""Colors of the page, in the light and in the dark: an image knows which its reader prefers."""

_COLORS = ("#0072B2", "#D55E00")
"""Of the lines; both stand out on either background."""

_WIDE = 20.0
_FEW_DECADES = 2

Values = Sequence[float | None]
Scale = Callable[[float], float]


@dataclass(frozen=True)
class _Panel:
    """One diagram.

    Attributes:
        title: Its heading.
        lines: Name and values of each line; `k` values, one an epoch.
    """

    title: str
    lines: tuple[tuple[str, Values], ...]


def trial_picture(results: StudyView, seen: TrialView) -> str | None:
    """Return the image as SVG, or None if the trial has measured nothing."""
    curve = seen.curve
    panels = [
        _Panel(results.metric, (("", curve.metric),)),
        _Panel("loss", (("training", curve.loss), ("validation", curve.val_loss))),
        _Panel("learning rate", (("", curve.rate),)),
    ]
    shown = [panel for panel in panels if any(_known(values) for _, values in panel.lines)]
    if not shown:
        return None
    title = f"Trial {seen.number}: {', '.join(panel.title for panel in shown)} of {count(len(curve.epochs), 'epoch')}"
    body = [
        element("title", title),
        element("style", Html(_STYLE)),
        element("rect", width=WIDTH, height=HEIGHT),
        [_draw(panel, curve.epochs, _LEFT + at * (_PANEL + _GAP), seen.marked_epoch) for at, panel in enumerate(shown)],
    ]
    return element(
        "svg",
        body,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        width=WIDTH,
        height=HEIGHT,
        role="img",
        font_family="system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
        font_size=12,
    )


def _known(values: Values) -> list[float]:
    return [value for value in values if value is not None]


@dataclass(frozen=True)
class _Scale:
    """Scale from numbers to pixels: linear, or logarithmic if positive numbers are far apart."""

    low: float
    high: float
    log: bool

    @classmethod
    def covering(cls, values: Sequence[float]) -> _Scale:
        low, high = min(values), max(values)
        if low > 0 and high / low > _WIDE:
            return cls(low, high, True)
        margin = 0.06 * (high - low) or 0.5 * abs(high) or 1.0
        return cls(low - margin, high + margin, False)

    def at(self, value: float) -> float:
        """Return the position of a value: 0 at the low end, 1 at the high one."""
        to = math.log if self.log else float
        return (to(value) - to(self.low)) / ((to(self.high) - to(self.low)) or 1.0)

    def ticks(self) -> list[float]:
        """Return round numbers in between."""
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            if last - first >= _FEW_DECADES:
                return [10.0**power for power in range(first, last + 1, max(1, (last - first) // 3))]
            several = [digit * 10.0**power for power in range(first - 1, last + 1) for digit in (1, 3)]
            return [tick for tick in several if self.low <= tick <= self.high]
        step = 10.0 ** math.floor(math.log10((self.high - self.low) / 2))
        step *= next(factor for factor in (1, 2, 5, 10) if (self.high - self.low) / (step * factor) <= 5)
        return [round(at * step, 12) for at in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def _draw(panel: _Panel, epochs: Sequence[int], left: float, marked: int | None) -> list[Html]:
    """Draw a diagram, with a dashed line at the epoch that gave the model if training continued after it."""
    scale = _Scale.covering([value for _, values in panel.lines for value in _known(values)])
    first, last = epochs[0], epochs[-1]

    def x(epoch: float) -> float:
        return left + (_PANEL * (epoch - first) / (last - first) if last > first else _PANEL / 2)

    def y(value: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * scale.at(value)

    grid = [
        [
            element("line", x1=left, x2=left + _PANEL, y1=_px(y(tick)), y2=_px(y(tick))),
            _text(left - 8, y(tick) + 4, number(float(f"{tick:.4g}")), "end"),
        ]
        for tick in scale.ticks()
    ]
    marks = sorted({first, (first + last) // 2, last})
    chosen = [] if marked is None else [_dashes(x(marked))]
    lines = [_line(values, epochs, x, y, _COLORS[at]) for at, (_, values) in enumerate(panel.lines)]
    return [
        _text(left, _TOP - 18, panel.title, "start", class_="title"),
        *[part for row in grid for part in row],
        *[_text(x(mark), _BOTTOM + 18, str(mark), "middle") for mark in marks],
        _text(left + _PANEL / 2, _BOTTOM + 38, "epoch", "middle"),
        *chosen,
        *lines,
        *_legend(panel, left),
    ]


def _dashes(x: float) -> Html:
    return element("line", x1=_px(x), x2=_px(x), y1=_TOP, y2=_BOTTOM, class_="mark")


def _line(values: Values, epochs: Sequence[int], x: Scale, y: Scale, color: str) -> Html:
    """Return a line with gaps at missing values; a value between two gaps is a point."""
    runs: list[list[str]] = [[]]
    for epoch, value in zip(epochs, values, strict=True):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{_px(x(epoch))},{_px(y(value))}")
    shapes = [
        element("polyline", points=" ".join(run), fill="none", stroke=color, stroke_width=2, stroke_linejoin="round")
        if len(run) > 1
        else element("circle", cx=run[0].partition(",")[0], cy=run[0].partition(",")[2], r=3, fill=color)
        for run in runs
        if run
    ]
    return element("g", shapes)


def _legend(panel: _Panel, left: float) -> list[Html]:
    names = [(at, name) for at, (name, values) in enumerate(panel.lines) if name and _known(values)]
    return [
        _text(left + _PANEL - 76 * (len(names) - 1 - place), _TOP - 18, name, "end", style=f"fill: {_COLORS[at]}")
        for place, (at, name) in enumerate(names)
    ]


def _text(x: float, y: float, content: str, anchor: str, **more: str) -> Html:
    return element("text", content, x=_px(x), y=_px(y), text_anchor=anchor, **more)


def _px(value: float) -> str:
    return f"{value:.1f}"

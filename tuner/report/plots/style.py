"""Style of all plots, and the escaping of text in them.

Colours are told apart with every common kind of colour blindness: choices have those of Okabe and Ito
(https://jfly.uni-koeln.de/color/), without the yellow, which is lost on white, and the states of trials have a
symbol each as well.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from tuner.catalog import TrialState
from tuner.text import plain

CHOICES = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8C6D46", "#7F7F7F")
DASHES = ("solid", "dot", "dash", "dashdot")
"""Behind the last colour they begin again, with another dash."""

RAMP = ("#2F6BC9", "#7E63C6", "#C75C9C", "#E8894A")
"""From low to high: readable on white and on black."""

SCALE = [[index / (len(RAMP) - 1), colour] for index, colour in enumerate(RAMP)]
NEUTRAL = "#8A8F98"
ACCENT = "#0072B2"

STATES = {
    TrialState.COMPLETE: ("#0072B2", "circle"),
    TrialState.PRUNED: ("#8A8F98", "circle-open"),
    TrialState.DIVERGED: ("#D55E00", "x"),
    TrialState.FAILED: ("#CC79A7", "diamond"),
    TrialState.RUNNING: ("#009E73", "triangle-up"),
    TrialState.WAITING: ("#E69F00", "triangle-up-open"),
}
"""State of a trial → colour and symbol."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_GRID = "rgba(128, 136, 148, 0.22)"
_MENU = {
    "y": 1,
    "yanchor": "bottom",
    "showactive": False,
    "bgcolor": "rgba(128, 136, 148, 0.12)",
    "bordercolor": _GRID,
    "font": {"size": 12},
}
_WIDE_RATIO = 30.0
_DECADES = 1.5
_HEIGHT_PX = 440
_MENU_PX = 36
_TITLE_PX = 36
_LEGEND_PX = 68
_OLDER_PX = 18
"""optuna-dashboard's Plotly sets the titles of axes lower."""


def text(value: Any) -> str:
    """Escape a text for Plotly, which interprets tags in all labels."""
    return html.escape(plain(number_text(value)), quote=False)


def number_text(value: Any) -> str:
    """Format a value: floats with four significant digits, everything else unchanged."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def cut(label: str, longest: int = 18) -> str:
    """Truncate a label."""
    return label if len(label) <= longest else f"{label[: longest - 1]}…"


def figure(traces: Sequence[dict[str, Any]], menus: Sequence[dict[str, Any]] = (), **layout: Any) -> Figure:
    """Return a figure in the common style, without a title: the page has one.

    Args:
        traces: What is drawn.
        menus: Menus above it, one per line: beside each other they would overlap in a narrow window.
        layout: As Plotly has it.
    """
    axes = {name: {**_axis(), **layout.pop(name, {})} for name in ("xaxis", "yaxis")}
    margin = {"l": 64, "r": 16, "t": 18 + _MENU_PX * len(menus), "b": 52, **layout.pop("margin", {})}
    inner = max(60.0, layout.get("height", _HEIGHT_PX) - margin["t"] - margin["b"])
    rows = [{**one, "pad": {"b": 4 + _MENU_PX * at}} for at, one in enumerate(menus)]
    return Figure(
        {
            "data": list(traces),
            "layout": {
                "template": "none",  # the usual one is 7 kB a figure, and has other colours
                "paper_bgcolor": "rgba(0,0,0,0)",
                "plot_bgcolor": "rgba(0,0,0,0)",
                "font": {"family": FONT, "size": 13},
                "margin": margin,
                "hoverlabel": {"align": "left", "namelength": -1},
                "hovermode": "closest",
                # Below the axis and its title: in a narrow window a legend has several lines.
                "legend": {"orientation": "h", "x": 0, "y": -_LEGEND_PX / inner, "xanchor": "left", "yanchor": "top"},
                "updatemenus": rows,
                **axes,
                **layout,
            },
        }
    )


def titled(drawn: Figure, title: str, height: int) -> Figure:
    """Return a copy of a given size with the title in the figure, for use outside of a page."""
    copy = Figure(drawn)
    above = (copy.layout.margin.t or 0) + _TITLE_PX
    copy.update_layout(
        height=height,
        margin_t=above,
        title={"text": text(title), "font": {"size": 16}, "x": 0, "y": 1, "yanchor": "top", "pad": {"l": 14, "t": 14}},
    )
    if copy.layout.legend.y is not None and copy.layout.legend.y < 0:
        copy.layout.legend.y = -(_LEGEND_PX + _OLDER_PX) / (height - above - (copy.layout.margin.b or 0))
    return copy


def _axis() -> dict[str, Any]:
    return {
        "gridcolor": _GRID,
        "zerolinecolor": _GRID,
        "linecolor": _GRID,
        "zeroline": False,
        "automargin": True,
        "exponentformat": "none",
        "separatethousands": True,
        "title": {"standoff": 10},
    }


def value_axis(name: str, values: Iterable[float | None]) -> dict[str, Any]:
    """Return the axis of an objective: logarithmic if positive values are far apart.

    If single values are far off, the axis shows the range of the others; a double click shows all.
    """
    known = np.array([value for value in values if value is not None and np.isfinite(value)], np.float64)
    axis: dict[str, Any] = {"title": {"text": text(name)}}
    if len(known) < 2 or known.min() == known.max():
        return axis
    if known.min() > 0 and known.max() / known.min() > _WIDE_RATIO:
        low, high = np.log10(np.quantile(known, [0.02, 1.0]))
        margin = 0.05 * (high - low)
        ticks = {"dtick": 1} if high - low > _DECADES else {}
        bounds = [float(low - margin), float(high + margin)]
        return {**axis, "type": "log", "exponentformat": "power", "range": bounds, **ticks}
    low, high = np.quantile(known, [0.05, 0.95])
    span = max(high - low, 1e-12)
    inner_low, inner_high = max(known.min(), low - 3 * span), min(known.max(), high + 3 * span)
    if (inner_low, inner_high) == (known.min(), known.max()):
        return axis
    margin = 0.05 * (inner_high - inner_low)
    axis["title"] = {"text": f"{text(name)} (double click: all values)"}
    return {**axis, "range": [float(inner_low - margin), float(inner_high + margin)]}


def zoom(axis: dict[str, Any], values: Iterable[float | None], maximize: bool) -> list[dict[str, Any]]:
    """Return two buttons, for all values and for the better half of them; none if that is the same."""
    known = np.array([value for value in values if value is not None and np.isfinite(value)], np.float64)
    if axis.get("type") == "log" or len(known) < 4:
        return []
    best, middle, worst = np.quantile(known, [1.0, 0.5, 0.0] if maximize else [0.0, 0.5, 1.0])
    if abs(middle - best) > 0.4 * abs(worst - best) or middle == best:
        return []
    margin = 0.08 * (best - middle)
    half = sorted([float(middle - margin), float(best + margin)])
    whole = {"yaxis.range": axis["range"]} if "range" in axis else {"yaxis.autorange": True}
    buttons = [
        {"label": "all", "method": "relayout", "args": [whole]},
        {"label": "better half", "method": "relayout", "args": [{"yaxis.range": half, "yaxis.autorange": False}]},
    ]
    return [{**_MENU, "type": "buttons", "direction": "right", "buttons": buttons, "x": 0, "xanchor": "left"}]


def colour(index: int) -> str:
    """Return the colour of the n-th choice."""
    return CHOICES[index % len(CHOICES)]


def dash(index: int) -> str:
    """Return the dash of the n-th choice."""
    return DASHES[index // len(CHOICES) % len(DASHES)]


def ramp(count: int) -> list[str]:
    """So many colours from low to high."""
    if count == 1:
        return [RAMP[1]]
    return [_between(index / (count - 1) * (len(RAMP) - 1)) for index in range(count)]


def _between(position: float) -> str:
    left = min(int(position), len(RAMP) - 2)
    share = position - left
    pair = [[int(RAMP[at][digit : digit + 2], 16) for digit in (1, 3, 5)] for at in (left, left + 1)]
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in zip(*pair, strict=True))


def menu(
    labels: Sequence[str], visible: Sequence[Sequence[bool]], changes: Sequence[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Return a dropdown above the plot that shows some traces, and hides the others.

    Args:
        labels: One an entry.
        visible: For each entry whether each trace is shown.
        changes: What else of the layout an entry changes.
    """
    entries = zip(labels, visible, changes or [{} for _ in labels], strict=True)
    return {
        "buttons": [
            {"label": text(label), "method": "update", "args": [{"visible": list(shown)}, change]}
            for label, shown, change in entries
        ],
        "x": 1,
        "xanchor": "right",
        **_MENU,
    }

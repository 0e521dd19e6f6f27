"""Style of all plots, their controls, and the escaping of text in them.

Colors can be distinguished with every common kind of color blindness: choices have those of Okabe and Ito
(https://jfly.uni-koeln.de/color/), without the yellow, which is lost on white, and the states of trials have a
symbol each as well.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

from plotly.graph_objects import Figure

from tuner.catalog import TrialState
from tuner.text import EXPONENT_FROM, plain, significant

CHOICES = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8C6D46", "#7F7F7F")
DASHES = ("solid", "dot", "dash", "dashdot")
"""Behind the last color they begin again, with another dash."""

RAMP = ("#2F6BC9", "#7E63C6", "#C75C9C", "#E8894A")
"""From low to high: readable on white and on black."""

SCALE = [[index / (len(RAMP) - 1), color] for index, color in enumerate(RAMP)]
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
"""State of a trial → color and symbol."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
GRID = "rgba(128, 136, 148, 0.22)"
HEIGHT_PX = 440
_LEGEND_PX = 34
_MOST_TICKS = 7


def text(value: Any) -> str:
    """Escape a text for Plotly, which interprets tags in all labels."""
    return html.escape(plain(number_text(value)), quote=False)


def number_text(value: Any) -> str:
    """Format a value: floats with four significant digits, everything else unchanged."""
    return significant(value, 4) if isinstance(value, float) else str(value)


def hover_format(values: Iterable[float | None], digits: int = 5) -> str:
    """Return the format in which Plotly writes these numbers as `significant` does.

    A format is for a whole trace: numbers of six or seven digits before the point show all of them, and the others of
    the trace as many digits.
    """
    sizes = [abs(value) for value in values if value is not None]
    whole = max((len(f"{size:.0f}") for size in sizes if size < EXPONENT_FROM), default=0)
    return f".{max(digits, whole)}~g"


def cut(label: str, longest: int = 18) -> str:
    """Truncate a label."""
    return label if len(label) <= longest else f"{label[: longest - 1]}…"


def figure(traces: Sequence[dict[str, Any]], controls: Sequence[dict[str, Any]] = (), **layout: Any) -> Figure:
    """Return a figure in the common style, without a title: the page has one.

    Args:
        traces: What is drawn.
        controls: Buttons and menus (`buttons`, `menu`); the page draws them above the figure, as Plotly's own show
            neither which one is pressed nor a dark page.
        layout: As Plotly has it.
    """
    axes = {name: {**_axis(), **layout.pop(name, {})} for name in ("xaxis", "yaxis")}
    above = _LEGEND_PX if any(trace.get("name") for trace in traces) and layout.get("showlegend", True) else 10
    margin = {"l": 64, "r": 16, "t": above, "b": 52, **layout.pop("margin", {})}
    return Figure(
        {
            "data": list(traces),
            "layout": {
                "template": "none",  # the usual one is 7 kB a figure, and has other colors
                "paper_bgcolor": "rgba(0,0,0,0)",
                "plot_bgcolor": "rgba(0,0,0,0)",
                "font": {"family": FONT, "size": 13},
                "margin": margin,
                "hoverlabel": {"align": "left", "namelength": -1},
                "hovermode": "closest",
                # Above the plot nothing else is written; below it are the names of the axis, of any length.
                "legend": {"orientation": "h", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom"},
                "meta": {"controls": list(controls), **layout.pop("meta", {})},
                **axes,
                **layout,
            },
        }
    )


def _axis() -> dict[str, Any]:
    return {
        "gridcolor": GRID,
        "zerolinecolor": GRID,
        "linecolor": GRID,
        "zeroline": False,
        "automargin": True,
        "exponentformat": "none",
        "separatethousands": True,
        "title": {"standoff": 10},
    }


def epoch_axis(first: int, last: int, note: str = "") -> dict[str, Any]:
    """Return an axis of epochs that begins at the first one, with a tick there.

    Args:
        first: The first epoch, 1 but for some studies of plain Optuna.
        last: The last epoch.
        note: Suffix of its title.
    """
    margin = 0.02 * max(1, last - first)
    steps = (factor * 10**power for power in range(10) for factor in (1, 2, 5))
    step = next(step for step in steps if last - first < _MOST_TICKS * step)
    ticks = [first, *range((first // step + 1) * step, last + 1, step)]
    return {
        "title": {"text": f"epoch{note}"},
        "range": [first - margin, max(last, first + 1) + margin],
        "tickvals": ticks,
    }


def color(index: int) -> str:
    """Return the color of the n-th choice."""
    return CHOICES[index % len(CHOICES)]


def dash(index: int) -> str:
    """Return the dash of the n-th choice."""
    return DASHES[index // len(CHOICES) % len(DASHES)]


def ramp(count: int) -> list[str]:
    """So many colors from low to high."""
    if count == 1:
        return [RAMP[1]]
    return [_between(index / (count - 1) * (len(RAMP) - 1)) for index in range(count)]


def _between(position: float) -> str:
    left = min(int(position), len(RAMP) - 2)
    share = position - left
    pair = [[int(RAMP[at][digit : digit + 2], 16) for digit in (1, 3, 5)] for at in (left, left + 1)]
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in zip(*pair, strict=True))


def option(label: str, layout: dict[str, Any] | None = None, **traces: Any) -> dict[str, Any]:
    """Return an option of a control: what `Plotly.update` gets for it.

    Args:
        label: Its text.
        layout: Changes of the layout; a key may be a path, such as `yaxis.range`.
        traces: Changes of the traces.  Of a list, each trace gets one.
    """
    return {"label": plain(label), "traces": traces, "layout": layout or {}}


def buttons(label: str, options: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a row of buttons, the first one pressed.

    Args:
        label: What they choose.
        options: One a button.
    """
    return {"kind": "buttons", "label": plain(label), "options": list(options)}


def menu(label: str, options: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a drop-down menu, the first option chosen.

    Args:
        label: What it chooses.
        options: One an entry.
    """
    return {"kind": "menu", "label": plain(label), "options": list(options)}


def only(begin: int, end: int, count: int, always: Sequence[int] = ()) -> list[bool]:
    """Return which of `count` traces are visible: `begin` up to `end`, and those `always` shown."""
    return [begin <= at < end or at in always for at in range(count)]

"""The controls of a figure as menus of Plotly, for notebooks and other places without our page's script."""

from __future__ import annotations

from typing import Any

from plotly.graph_objects import Figure

_LINE_PX = 36


def with_menus(drawn: Figure) -> Figure:
    """Return a copy of a figure with its controls inside, one per line: beside each other they could overlap."""
    copy = Figure(drawn)
    controls = (drawn.layout.meta or {}).get("controls", [])
    copy.layout.meta = None
    legend = _LINE_PX if drawn.layout.showlegend is not False else 0
    copy.update_layout(
        updatemenus=[_menu(one, legend + _LINE_PX * at) for at, one in enumerate(controls)],
        margin_t=(drawn.layout.margin.t or 0) + _LINE_PX * len(controls),
    )
    return copy


def _menu(control: dict[str, Any], above_px: int) -> dict[str, Any]:
    row = control["kind"] == "buttons"
    return {
        "type": "buttons" if row else "dropdown",
        "direction": "right" if row else "down",
        "buttons": [
            {"label": one["label"], "method": "update", "args": [one["traces"], one["layout"]]}
            for one in control["options"]
        ],
        "x": 0,
        "xanchor": "left",
        "y": 1,
        "yanchor": "bottom",
        "pad": {"b": above_px},
    }

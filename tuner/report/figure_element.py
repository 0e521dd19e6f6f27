"""A Plotly figure as an element of a page: its script draws it when it comes near the window."""

from __future__ import annotations

from plotly.graph_objects import Figure

from tuner.report.html_components import data
from tuner.report.plots.style import HEIGHT_PX
from tuner.text import Html, element


def figure_element(name: str, drawn: Figure, label: str, *above: Html | None) -> Html:
    """Return a figure with room for its controls, and its data.

    Args:
        name: Part of its ids.
        drawn: The figure.
        label: What it shows, for readers who do not see it.
        above: Heading and caption.
    """
    canvas = element(
        "div",
        class_="plot",
        id=f"plot-{name}",
        data_plot=f"data-{name}",
        style=f"height: {int(drawn.layout.height or HEIGHT_PX)}px",
        role="img",
        aria_label=label,
    )
    return element("figure", *above, element("div", class_="controls"), canvas, data(f"data-{name}", drawn.to_json()))

"""Render the result of `tuner train` on a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from tuner.cli.console import Text, console
from tuner.cli.render_study import params_table
from tuner.text import count, python_text, value_text

_TABLE_COLUMNS = 78
"""Below this many columns a table would cut its numbers."""


def render_refit(content: dict[str, Any]) -> None:
    """Print the recipes, the chosen one, its test score, and what it all means."""
    out, metric = console(), content["metric"]
    rows = content["rows"]
    out.print(
        f"Study {content['study']}: {count(len(content['recipes']), 'leading recipe')} retrained with "
        f"{content['seeds']} seeds each, {metric} on {rows['validation']} validation rows"
    )
    _show_recipes(out, content)
    none = content["verdict"] == "none"
    for sentence in content["meaning"]:
        if not (none and sentence == content["baseline"]["meaning"]):  # that one is the error then
            out.print(Text(sentence))
    if none:
        return
    chosen = next(row for row in content["recipes"] if row["trial"] == content["chosen"])
    out.print(Text(f"Chosen: trial {chosen['trial']}, trained on {rows['train']} rows", "bold"))
    out.print(params_table(chosen["params"]))
    out.print(Text(f"validation {metric} {_with(chosen['mean'], chosen['interval'])}", "bold"))
    test = content["test"]
    if test is not None and test["mean"] is not None:
        saved = test["saved"]
        out.print(Text(f"test {metric} {_with(test['mean'], test['interval'])}, on {rows['test']} rows", "bold"))
        if saved["value"] is not None:
            out.print(f"of the saved model {_with(saved['value'], saved['interval'])}")
    out.print(f"Wrote {content['file']}", soft_wrap=True)
    out.print(
        f"Next: keras.saving.load_model({python_text(content['file'])}), or tuner.load", style="dim", soft_wrap=True
    )


def _show_recipes(out: Console, content: dict[str, Any]) -> None:
    if out.width < _TABLE_COLUMNS:
        for row in content["recipes"]:
            mark = " (chosen)" if row["trial"] == content["chosen"] else ""
            out.print(f"trial {row['trial']}{mark}: {_with(row['mean'], row['interval'])}")
            out.print(f"  in the search {value_text(row['search'])}, bound {_number(row['bound'])}")
        return
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    bound = "lower bound" if content["direction"] == "maximize" else "upper bound"
    for name in ("trial", "search", "mean", "95 % interval", bound, "p", ""):
        table.add_column(name, justify="left" if name in ("95 % interval", "") else "right", no_wrap=True)
    for row in content["recipes"]:
        chosen = row["trial"] == content["chosen"]
        table.add_row(
            Text(str(row["trial"]), "bold" if chosen else ""),
            value_text(row["search"]),
            _number(row["mean"]),
            _interval(row["interval"]),
            _number(row["bound"]),
            "" if row["p"] is None else f"{row['p']:.2g}",
            "chosen" if chosen else "",
        )
    out.print(table)


def _with(value: float | None, interval: dict[str, float] | None) -> str:
    return _number(value) + (f" ({_interval(interval)})" if interval else "")


def _interval(interval: dict[str, float] | None) -> str:
    return "" if interval is None else f"{value_text(interval['low'])} … {value_text(interval['high'])}"


def _number(value: float | None) -> str:
    return "none" if value is None else value_text(value)

"""Render the result of `tuner train` on a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from tuner.cli.console import Text, console
from tuner.cli.render_study import params_table
from tuner.text import count, duration, python_text, value_text

_TABLE_COLUMNS = 78
"""Below this many columns a table would cut its numbers."""


def render_refit(content: dict[str, Any]) -> None:
    """Print whether a control is as good, the recipes and models, the test score, and what it all means."""
    out, metric = console(), content["metric"]
    rows = content["rows"]
    if content["control"]:
        out.print(Text(content["control"], "bold"))
    out.print(
        f"Study {content['study']}: {count(len(content['recipes']), 'recipe')} retrained with "
        f"{content['seeds']} seeds each, {metric} on {count(rows['validation'], 'validation row')}"
    )
    _show_recipes(out, content)
    _show_models(out, content)
    none = content["file"] is None
    for sentence in content["meaning"]:
        # The first one is printed above, the second one is the error then.
        if sentence != content["control"] and not (none and sentence == content["baseline"]["meaning"]):
            out.print(Text(sentence))
    if none:
        return
    chosen = next(row for row in content["recipes"] if row["trial"] == content["chosen"])
    out.print(Text(f"Chosen: trial {chosen['trial']}, trained on {count(rows['train'], 'row')}", "bold"))
    out.print(params_table(chosen["params"]))
    out.print(Text(f"validation {metric} {_with(chosen['mean'], chosen['interval'])}", "bold"))
    _show_test(out, content)
    _show_file(out, content)


def _show_test(out: Console, content: dict[str, Any]) -> None:
    test = content["test"]
    if test is None or test["score"] is None:
        return
    rows = count(content["rows"]["test"], "row")
    saved, members = test["saved"], f"{_with(test['mean'], test['interval'])}"
    if saved["seed"] is None:
        out.print(Text(f"test {content['metric']} {_with(saved['value'], saved['interval'])}, on {rows}", "bold"))
        out.print(f"of its networks alone {members}")
        return
    out.print(Text(f"test {content['metric']} {members}, on {rows}", "bold"))
    if saved["value"] is not None:
        out.print(f"of the saved model {_with(saved['value'], saved['interval'])}")


def _show_file(out: Console, content: dict[str, Any]) -> None:
    handed, file = content["handed_over"], content["file"]
    networks, times = count(len(handed["members"]), "network"), handed["predict_ms"]
    size = f"{handed['weights']:,} weights, {handed['bytes'] / 1e6:.3g} MB"
    out.print(f"Wrote {file}: {networks}", soft_wrap=True)
    out.print(f"  {size}")
    out.print(f"  predicts a row in {_ms(times['one_row'])} ms, 256 rows in {_ms(times['rows_256'])} ms")
    out.print(f"Next: keras.saving.load_model({python_text(file)}), or tuner.load", style="dim", soft_wrap=True)


def _show_models(out: Console, content: dict[str, Any]) -> None:
    """Print the models that could be saved, and the controls, on the same rows."""
    handed = content["handed_over"]["model"] if content["handed_over"] else None
    rows = [_model_cells(row, row["name"] == handed) for row in content["models"]]
    names = ("model", content["metric"], "95 % interval", "weights", "1 row, ms", "256, ms", "trained")
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(name, justify="left" if name in ("model", "95 % interval") else "right", no_wrap=True)
    for cells in rows:
        table.add_row(*cells)
    if Measurement.get(out, out.options.update(max_width=1_000), table).maximum <= out.width:
        out.print(table)
        return
    for row, cells in zip(content["models"], rows, strict=True):
        out.print(f"{cells[0]}: {row['note'] or _with(row['score'], row['interval'])}")
        if row["weights"]:
            out.print(f"  {cells[3]} weights, trained in {cells[6]}")
            out.print(f"  {cells[4]} ms for a row, {cells[5]} for 256")


def _model_cells(row: dict[str, Any], handed: bool) -> list[str | Text]:
    times = row["predict_ms"]
    return [
        Text(f"{row['name']}{' (saved)' if handed else ''}", "bold" if handed else ""),
        "not trained" if row["score"] is None else value_text(row["score"]),
        _interval(row["interval"]),
        "" if row["weights"] is None else f"{row['weights']:,}",
        "" if times is None else _ms(times["one_row"]),
        "" if times is None else _ms(times["rows_256"]),
        "" if row["seconds"] is None else duration(row["seconds"]),
    ]


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:.2g}" if milliseconds < 99.5 else f"{milliseconds:,.0f}"


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

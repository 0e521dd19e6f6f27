"""Render comparisons, importances and refinements on a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from tuner.analysis import SHARE_NOTE
from tuner.cli.console import RichText, Text, console
from tuner.cli.fitting_table import Column, print_table
from tuner.text import count, duration, named_counts, percent, tuner_command, value_text

_BAR = 20
_IMPORTANCE_COLUMNS = (
    Column("dimension"),
    Column("share", right=True),
    Column("", 4),
    Column("90 % interval", 3, right=True),
    Column("p", 5, right=True),
    Column("best trial", 1),
    Column("the best ones", 2),
)
_GROUP_COLUMNS = (
    Column("complete", 2, right=True),
    Column("best", right=True),
    Column("median", right=True),
    Column("spread", 4, right=True),
    Column("epochs to goal", 6, right=True),
    Column("diverged", 3, right=True),
    Column("pruned", 8, right=True),
    Column("per trial", 5, right=True),
    Column("total", 7, right=True),
    Column("p", 1, right=True),
)


def render_importance(content: dict[str, Any]) -> None:
    """Print how much each dimension mattered, with its best value."""
    out = console()
    out.print(
        f"Study {content['study']}: how much each dimension mattered for {content['metric'] or 'the objective'}, "
        f"over {count(content['trials'], 'trial')}"
    )
    rows = []
    for row in content["dimensions"]:
        known = row["share"] is not None
        rows.append(
            [
                row["name"],
                _percent(row["share"]),
                "█" * round(_BAR * row["share"]) if known else "",
                f"{_percent(row['low'])} … {_percent(row['high'])}" if known else "",
                f"{row['p']:.2g}" if known else "",
                _value(row["best"]),
                row["top"] or "",
            ]
        )
    print_table(out, _IMPORTANCE_COLUMNS, rows)
    out.print(Text(content["meaning"]))
    if any(row["share"] is not None for row in content["dimensions"]):
        out.print(SHARE_NOTE, style="dim")
    if content["trials"] and rows:
        command = tuner_command("compare", content["study"], "--by", "DIMENSION")
        out.print(f"Next: {command}", style="dim", soft_wrap=True)


def render_comparisons(content: dict[str, Any]) -> None:
    """Print a comparison of the values of each dimension, one table per dimension."""
    out, metric = console(), content["metric"] or "the objective"
    out.print(
        f"Study {content['study']}: {content['direction']} {metric}; "
        f"{count(content['trials'], 'trial has', 'trials have')} ended"
    )
    if content["goal"] is not None:
        out.print(f"Goal: {metric} {value_text(content['goal']['value'])}, {content['goal']['rule']}", style="dim")
    for comparison in content["comparisons"]:
        out.print()
        _print_groups(out, comparison)
        for row in comparison["groups"]:
            if row["failure"] is not None:
                what = f"{_name(row)}, {count(row['failure']['count'], 'trial')}: {row['failure']['reason']}"
                out.print(what, style="dim")
            if row["share_unhealthy"]:
                out.print(f"{_name(row)}, health: {named_counts(row['verdicts'])}", style="dim")
        out.print(comparison["test"]["meaning"])
    out.print()
    limits = (sentence for comparison in content["comparisons"] for sentence in comparison["test"]["limits"])
    for sentence in dict.fromkeys(limits):
        out.print(f"note: {sentence}", style="dim")


def render_refinement(content: dict[str, Any], file: str) -> None:
    """Print what became of each dimension."""
    from tuner.catalog import written_values

    out = console()
    out.print(
        f"Wrote {file}: study {content['name']}, around the best {content['top']} of {content['complete']} trials"
    )
    rows = []
    for change in content["changes"]:
        name = change["name"]
        after = "left out" if change["after"] is None else written_values(name, change["after"])
        rows.append([name, written_values(name, change["before"]), after if change["changed"] else "the same"])
    print_table(out, [Column("dimension"), Column("before", wraps=True), Column("after", wraps=True)], rows)
    halved = f": {content['not_halved']}" if content["not_halved"] else ""
    out.print(f"The new space covers {percent(content['volume'])} of the old one{halved}.")
    first = "the best setting" if content["points"] == 1 else f"the best {content['points']} settings"
    out.print(f"Its first trials are {first} of the old study.")
    out.print(
        f"Comments in the file say why. Next: {tuner_command('check', file)} | {tuner_command('run', file)}",
        style="dim",
        soft_wrap=True,
    )


def _print_groups(out: Console, comparison: dict[str, Any]) -> None:
    leader = comparison["test"]["leader"]
    rows: list[list[str | RichText]] = []
    for row in comparison["groups"]:
        p = row["p_against_leader"]
        rows.append(
            [
                Text(_name(row), "bold" if leader is not None and _name(row) == leader else ""),
                f"{row['complete']} of {row['trials']}",
                *(_value(row[key]) for key in ("best", "median", "spread")),
                "" if row["epochs_to_goal"] is None else f"{row['epochs_to_goal']:g} (in {row['reached']})",
                _percent(row["share_diverged"]),
                _percent(row["share_pruned"]),
                "" if row["seconds_a_trial"] is None else duration(row["seconds_a_trial"]),
                duration(row["seconds"]),
                "" if p is None else f"{p:.2g}",
            ]
        )
    print_table(out, [Column(comparison["dimension"]), *_GROUP_COLUMNS], rows)


def _name(row: dict[str, Any]) -> str:
    return "(inactive)" if row["value"] is None else str(row["value"])


def _percent(share: float | None) -> str:
    return "" if share is None else percent(share)


def _value(value: Any) -> str:
    return "" if value is None else value_text(value)

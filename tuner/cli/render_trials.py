"""Render the trials of a study on a terminal: the best first, parameters aligned, each advice once."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from rich.console import Console

from tuner.cli.console import Text
from tuner.cli.fitting_table import Column, needed_width, print_table
from tuner.text import count, duration, value_text

_MOST_NUMBERS = 8


def sort_trials(rows: list[dict[str, Any]], by: str, direction: str) -> list[dict[str, Any]]:
    """Sort trials: complete ones from the best value on, then pruned ones, then the rest; or by number or time."""
    if by == "number":
        return sorted(rows, key=lambda row: int(row["number"]))
    if by == "time":
        return sorted(rows, key=lambda row: (-(row["duration_s"] or 0.0), row["number"]))
    sign = -1 if direction == "maximize" else 1
    rank = {"complete": 0, "pruned": 1}
    return sorted(
        rows,
        key=lambda row: (
            rank.get(row["state"], 2) if row["value"] is not None else 3,
            sign * (row["value"] or 0.0),
            row["number"],
        ),
    )


def render_trials(out: Console, rows: list[dict[str, Any]], metric: str | None) -> None:
    """Print trials in the given order, with what is the same in all of them and each reason and advice once."""
    if not rows:
        return
    names = list(dict.fromkeys(name for row in rows for name in row["params"]))
    same = [name for name in names if len(rows) > 1 and len({repr(row["params"].get(name)) for row in rows}) == 1]
    varied = [name for name in names if name not in same]
    if same:
        out.print(Text("The same in all trials shown: " + ", ".join(_assigned(name, rows[0]) for name in same), "dim"))
    columns = [
        Column("trial", right=True),
        Column(metric or "value", right=True),
        Column("state"),
        Column("health", 1),
        Column("epochs", 3, right=True),
        Column("time", 2, right=True),
    ]
    complete = all(row["state"] == "complete" for row in rows)
    cells = [_cells(row, complete) for row in rows]
    own = [Column(name) for name in varied]
    own_cells = [[_param(row, name) for name in varied] for row in rows]
    wide = needed_width([*columns, *own], [[*a, *b] for a, b in zip(cells, own_cells, strict=True)])
    if wide > out.width:
        own, own_cells = [Column("parameters", wraps=True)], [[_assignments(row, varied)] for row in rows]
    print_table(out, [*columns, *own], [[*a, *b] for a, b in zip(cells, own_cells, strict=True)])
    _print_notes(out, rows)


def _cells(row: dict[str, Any], complete: bool) -> list[str]:
    return [
        str(row["number"]),
        "" if row["value"] is None else value_text(row["value"]),
        "" if complete else row["state"],
        row["health"][0]["verdict"] if row["health"] else "",
        _epochs(row),
        "" if row["duration_s"] is None else duration(row["duration_s"]),
    ]


def _epochs(row: dict[str, Any]) -> str:
    """Return the epochs trained, and which of them gave the model if it is an earlier one."""
    selected = row["selected_epochs"]
    earlier = len(selected) == 1 and selected[0] < row["epochs"]
    return f"{selected[0]} of {row['epochs']}" if earlier else str(row["epochs"])


def _print_notes(out: Console, rows: list[dict[str, Any]]) -> None:
    """Print why trials were not completed, and what was found of their health, with the trials it is about."""
    notes: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        # A pruned trial's reason says what its epochs say already; a diverged one's is what its health says.
        if row["reason"] is not None and row["state"] != "pruned":
            what = row["state"] if row["violation"] is None else "not trained"
            notes[f"{what}: {row['reason']}"].append(row["number"])
        verdict = row["health"][0]["verdict"] if row["health"] else "healthy"
        if verdict != "healthy" and row["state"] != "diverged":
            notes[f"{verdict}: {row['health'][0]['text']}"].append(row["number"])
    if notes:
        out.print()
    for text, numbers in notes.items():
        more = f" and {len(numbers) - _MOST_NUMBERS} more" if len(numbers) > _MOST_NUMBERS else ""
        named = "trial " if len(numbers) == 1 else f"{count(len(numbers), 'trial')}: "
        out.print(Text(f"{text} ({named}{', '.join(map(str, sorted(numbers)[:_MOST_NUMBERS]))}{more})", "dim"))


def _assignments(row: dict[str, Any], names: list[str]) -> str:
    return " ".join(_assigned(name, row) for name in names if name in row["params"])


def _assigned(name: str, row: dict[str, Any]) -> str:
    return f"{name}={_param(row, name)}"


def _param(row: dict[str, Any], name: str) -> str:
    from tuner.catalog import written_value

    return value_text(written_value(name, row["params"][name])) if name in row["params"] else ""

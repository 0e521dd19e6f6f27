"""Tables at any width: columns go by priority, rows are stacked, and no number is broken."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from tuner.cli.fitting_table import Column, print_table, wrap_items
from tuner.cli.render_trials import render_trials, sort_trials

COLUMNS = [Column("study"), Column("best", right=True), Column("trials", 2), Column("time", 1), Column("note", 3)]
ROWS = [["digits", "0.96235", "100", "12.5 s", "all done"], ["wine", "0.5", "7", "1.25 s", ""]]


def printed(width: int, columns: list[Column] = COLUMNS, rows: list[Any] = ROWS) -> str:
    out = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    print_table(out, columns, rows)
    text = str(out.file.getvalue())  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines()), default=0) <= width
    return text


def test_everything_fits() -> None:
    text = printed(80)
    assert text.splitlines()[0].split() == ["study", "best", "trials", "time", "note"]
    assert "Not shown" not in text


@pytest.mark.parametrize(
    ("width", "kept"),
    [(41, "study best trials time note"), (40, "study best trials time"), (28, "study best time"), (15, "study best")],
)
def test_columns_go_by_priority(width: int, kept: str) -> None:
    text = printed(width)
    assert text.splitlines()[0].split() == kept.split()
    missing = [name for name in ("trials", "time", "note") if name not in kept]
    if missing:
        assert f"Not shown at this width: {', '.join(missing)}; --json has all." in " ".join(text.split())


def test_rows_are_stacked_if_nothing_else_fits() -> None:
    columns = [Column("study"), Column("best", right=True), Column("trials"), Column("note", wraps=True)]
    rows = [["digits", "0.96235", "100", "learning_rate=0.0123 units=64"], ["wine", "0.5", "7", ""]]
    assert printed(24, columns, rows).splitlines() == [
        "digits",
        "  best 0.96235,",
        "  trials 100",
        "  learning_rate=0.0123",
        "  units=64",
        "wine",
        "  best 0.5, trials 7",
    ]


def test_empty_columns_and_no_rows() -> None:
    assert "note" not in printed(80, rows=ROWS[1:])
    assert printed(80, rows=[]) == ""


def test_items_are_never_broken() -> None:
    assert wrap_items(["a 1", "b 2.5", "c 3"], 11) == ["a 1, b 2.5,", "c 3"]
    assert wrap_items(["a 1", "b 2.5", "c 3"], 2) == ["a 1,", "b 2.5,", "c 3"]


def trial(number: int, value: float | None, state: str = "complete", **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "number": number,
        "value": value,
        "state": state,
        "params": {"optimizer": "adam", "learning_rate": 0.1 / 3},
    }
    row |= {"epochs": 10, "selected_epochs": [], "duration_s": float(number), "health": []}
    return row | {"reason": None, "violation": None} | more


TRIALS = [
    trial(0, 0.5),
    trial(1, 0.9, "pruned", reason="pruned at epoch 3"),
    trial(2, None, "diverged", reason="the loss became nan"),
    trial(3, 0.75, params={"optimizer": "adam", "learning_rate": 0.2}),
    trial(4, None, "diverged", reason="the loss became nan"),
    trial(5, None, "running"),
]


@pytest.mark.parametrize(
    ("by", "direction", "numbers"),
    [
        ("value", "maximize", [3, 0, 1, 2, 4, 5]),
        ("value", "minimize", [0, 3, 1, 2, 4, 5]),
        ("number", "maximize", [0, 1, 2, 3, 4, 5]),
        ("time", "maximize", [5, 4, 3, 2, 1, 0]),
    ],
)
def test_the_order_of_trials(by: str, direction: str, numbers: list[int]) -> None:
    assert [row["number"] for row in sort_trials(TRIALS, by, direction)] == numbers


@pytest.mark.parametrize("width", [30, 60, 80, 120])
def test_trials_with_each_reason_once_and_whole_numbers(width: int) -> None:
    out = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    unwell = trial(6, 0.1, health=[{"verdict": "overfitting", "text": "the validation loss rises"}])
    render_trials(out, [*TRIALS, unwell, {**unwell, "number": 7}], "accuracy")
    text = str(out.file.getvalue())  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= width
    assert all(word in text for word in ("0.75", "0.033333", "overfitting"))
    whole = " ".join(text.split())
    assert whole.count("the loss became nan") == 1
    assert "diverged: the loss became nan (2 trials: 2, 4)" in whole
    assert "overfitting: the validation loss rises (2 trials: 6, 7)" in whole
    assert "The same in all trials shown: optimizer=adam" in whole

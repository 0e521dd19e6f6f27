"""A table that fits the terminal: columns are left out by priority, or rows stacked; no number is ever broken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from tuner.cli.console import RichText, Text

Cell = str | RichText

_GAP = 2
_NARROWEST, _WIDEST_WORD = 16, 48


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: Its heading; "" for none.
        priority: 0 if it is always shown; of the others those with the largest number are left out first.
        right: Whether it is aligned at the right.
        wraps: Whether its words may go over several lines.
    """

    name: str
    priority: int = 0
    right: bool = False
    wraps: bool = False


def print_table(out: Console, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    """Print rows as a table as wide as the console at most, or as paragraphs if not even the first columns fit.

    Columns without any content are left out, too; what is left out for the width is named below.
    """
    if not rows:
        return
    texts = [[_text(cell) for cell in row] for row in rows]
    kept = [index for index in range(len(columns)) if any(_length(row[index]) for row in texts)]
    wanted = list(kept)
    while needed_width([columns[i] for i in kept], [[row[i] for i in kept] for row in texts]) > out.width:
        least = max(kept, key=lambda index: (columns[index].priority, index))
        if columns[least].priority == 0:
            _print_stacked(out, [columns[i] for i in wanted], [[row[i] for i in wanted] for row in texts])
            return
        kept.remove(least)
    shown, cells = [columns[index] for index in kept], [[row[index] for index in kept] for row in texts]
    if any(column.wraps for column in shown):
        _print_wrapped(out, shown, cells)
    else:
        _print_lines(out, shown, cells)
    missing = [columns[index].name for index in wanted if index not in kept and columns[index].name]
    if missing:
        out.print(f"Not shown at this width: {', '.join(missing)}; --json has all.", style="dim")


def _print_lines(out: Console, columns: Sequence[Column], rows: Sequence[Sequence[RichText]]) -> None:
    """Print a table whose cells are lines; Rich's own table takes about 1 ms for each row."""
    widths = [_column_width(column, [row[index] for row in rows]) for index, column in enumerate(columns)]
    lines = []
    for cells in ([Text(column.name, "dim") for column in columns], *rows):
        line = RichText()
        for cell, column, width in zip(cells, columns, widths, strict=True):
            gap = " " * (width - cell_len(cell.plain))
            line.append(gap if column.right else "").append_text(cell).append("" if column.right else gap)
            line.append(" " * _GAP)
        line.rstrip()
        lines.append(line)
    out.print(RichText("\n").join(lines), soft_wrap=True)


def _print_wrapped(out: Console, columns: Sequence[Column], rows: Sequence[Sequence[RichText]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, _GAP, 0, 0))
    for one in columns:
        justify = "right" if one.right else "left"
        table.add_column(one.name, justify=justify, no_wrap=not one.wraps, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*row)
    out.print(table)


def needed_width(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> int:
    """Return the number of characters that a table needs at least."""
    widths = [_column_width(column, [row[index] for row in rows]) for index, column in enumerate(columns)]
    return sum(widths) + _GAP * max(0, len(widths) - 1)


def wrap_items(items: Iterable[str], width: int) -> list[str]:
    """Pack items into lines, separated by commas; an item is never broken."""
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + len(item) + 3 <= width:
            lines[-1] += f", {item}"
        else:
            if lines:
                lines[-1] += ","
            lines.append(item)
    return lines


def _column_width(column: Column, cells: Sequence[Cell]) -> int:
    if not column.wraps:
        return max(map(_length, [column.name, *cells]))
    words = [len(word) for cell in cells for word in _plain(cell).split()]
    return min(max([_NARROWEST, *words]), _WIDEST_WORD)


def _print_stacked(out: Console, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    """Print each row as a paragraph: the first cell, then the others with their headings."""
    for first, *others in rows:
        out.print(first)
        named = list(zip(columns[1:], others, strict=True))
        items = [
            f"{column.name} {_plain(cell)}".strip() for column, cell in named if not column.wraps and _length(cell)
        ]
        for line in wrap_items(items, out.width - _GAP):
            out.print(Text(f"  {line}"))
        for column, cell in named:
            if column.wraps:
                for part in _plain(cell).split("\n"):
                    for line in _wrap_words(part, out.width - _GAP):
                        out.print(Text(f"  {line}"))


def _wrap_words(text: str, width: int) -> list[str]:
    """Pack words into lines; a word is never broken."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + len(word) + 1 <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _text(cell: Cell) -> RichText:
    return Text(cell) if isinstance(cell, str) else cell


def _plain(cell: Cell) -> str:
    return _text(cell).plain


def _length(cell: Cell) -> int:
    return max(cell_len(line) for line in _plain(cell).split("\n"))

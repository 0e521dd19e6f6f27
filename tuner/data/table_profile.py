"""What a table looks like, before anybody has said what its columns are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.data.cells import Commas, absent, column_name
from tuner.data.column_profile import ColumnKind, ColumnProfile, holds_dates, profile_column
from tuner.data.csv_options import CsvOptions
from tuner.data.dataset import Array
from tuner.data.likely_groups import LikelyGroup, find_groups
from tuner.data.pandas_columns import check_names, column, index_columns, pick
from tuner.data.share_explained import share_explained
from tuner.data.sources.tabular import first_line, read_frame
from tuner.data.targets_and_task import MOST_CLASSES
from tuner.errors import DataError, shown
from tuner.text import listed_first

if TYPE_CHECKING:
    import pandas

_UNBALANCED = 3
"""Times that the most common class may have the rows of another one."""


@dataclass(frozen=True)
class TableProfile:
    """A table with a target.

    Attributes:
        target: The target column.
        columns: The others in their order, without the index that the table was saved with.
        classes: Rows of each value of the target, if its values are classes; empty if they are amounts.
        told: Column → how much of the target it tells alone (see `share_explained`).
        groups: Columns that look like groups.
        csv_options: How the file is written.
    """

    target: ColumnProfile
    columns: tuple[ColumnProfile, ...]
    classes: dict[str, int]
    told: dict[str, float]
    groups: tuple[LikelyGroup, ...] = ()
    csv_options: CsvOptions = CsvOptions()

    @property
    def is_unbalanced(self) -> bool:
        """Whether a class has so few rows that a metric should weigh all classes equally."""
        rows = self.classes.values()
        return bool(rows) and is_rare(min(rows), max(rows))


def is_rare(rows: int, most: int) -> bool:
    """Return whether a class has few rows beside the most common one."""
    return most > _UNBALANCED * rows


def profile_table(source: str, project: Path, target: str) -> TableProfile:
    """Read a table and describe its columns.

    Args:
        source: Path of a CSV or Parquet file, relative to the project or absolute.
        project: A folder.
        target: Name of a column.

    Raises:
        DataError: The file cannot be read, has no such column, or the target has no values that can be predicted.
    """
    csv_options = _csv_options(source, project, target)
    frame = read_frame(source, project, csv_options=csv_options)
    names = check_names(frame.columns, source)
    frame = frame.set_axis(names, axis="columns")
    target = pick(frame, target, "target", source)
    index, _ = index_columns(frame, {target}, source)
    profiles = {
        name: profile_column(series, name, decimal=csv_options.decimal)
        for name, series in zip(names, (series for _, series in frame.items()), strict=True)
        if name not in index
    }
    aim = profiles.pop(target)
    if not profiles:
        raise DataError(
            f"A table must have a column besides its target, but {source} has only {target!r}. Add others, or name "
            "another file."
        )
    unclear = aim.commas in (Commas.EITHER, Commas.THOUSANDS)
    signed = aim.is_signed_amount
    if aim.kind in (ColumnKind.DATE, ColumnKind.UNUSABLE) or aim.is_constant or aim.markers or unclear or signed:
        what = aim.problem or (
            _constant_text(target, aim)
            if aim.is_constant
            else f"{target!r} holds numbers and texts such as {aim.markers[0]!r}."
            if aim.markers
            else f"{target!r} holds numbers with commas, as for thousands, such as {aim.examples[0]!r}."
            if unclear
            else f"{target!r} holds numbers with {aim.sign!r}, such as {aim.examples[0]!r}."
            if signed
            else f"{target!r} holds dates."
        )
        raise DataError(f"The target must be numbers or classes, but {what} Clean it, or name another target.")
    values = column(frame[target], target, source)
    there = ~absent(values) if values.dtype == object else ~np.isnan(values)
    known = values[there]
    counts = {} if _are_amounts(known, aim) else _classes(known, frame[target].dtype.kind == "b", target)
    cells = {
        name: _cells(frame[name], source)[there]
        for name, profile in profiles.items()
        if profile.kind is not ColumnKind.UNUSABLE and not profile.markers
    }
    told = {name: share_explained(values, known.astype(object) if counts else known) for name, values in cells.items()}
    named = {name: values for name, values in cells.items() if profiles[name].may_name_groups}
    y = np.unique(known.astype(str), return_inverse=True)[1] if counts else known[:, None]
    groups = find_groups(named, y, np.arange(len(known)), amounts=not counts)
    return TableProfile(aim, tuple(profiles.values()), counts, told, tuple(groups), csv_options)


def _cells(series: pandas.Series[Any], source: str) -> Array:
    """Return a column as `column` does, dates that are no texts as days."""
    import pandas

    if not holds_dates(series):
        return column(series, str(series.name), source)
    dates = pandas.to_datetime(series, utc=True)
    return np.asarray((dates - pandas.Timestamp(0, tz="UTC")) / pandas.Timedelta(days=1), np.float64)


def _constant_text(target: str, profile: ColumnProfile) -> str:
    if not profile.rows:
        return "the table has no rows."
    if not profile.given:
        return f"{target!r} is empty in all rows."
    return f"{target!r} has one value in all rows." if profile.rows > 1 else "the table has one row."


def _csv_options(source: str, project: Path, target: str) -> CsvOptions:
    """Find how a file is written; its first line names no columns if the target is named by its place.

    Raises:
        DataError: The first line seems to be a row, and the target is not a place.
    """
    found = first_line(source, project)
    if found is None:
        return CsvOptions()
    if column_name(target) in map(column_name, found.names):
        return CsvOptions(comment=found.comment, decimal=found.decimal)
    places = len(found.names)
    if target.isdecimal() and 1 <= int(target) <= places:
        return CsvOptions(header=False, comment=found.comment, decimal=found.decimal)
    if found.says_numbers:
        raise DataError(
            f"The target column must be in the table, but {source} has no {target!r}, and its first line seems to be a "
            f"row, not the names of its columns ({shown(','.join(found.names), 40)}). Name the target by its place, "
            f"from 1 to {places}."
        )
    return CsvOptions(comment=found.comment, decimal=found.decimal)


def _are_amounts(values: Array, target: ColumnProfile) -> bool:
    """Tell whether numbers are amounts, by the rule of `encode_targets`."""
    return values.dtype != object and not (target.whole and target.distinct <= min(MOST_CLASSES, len(values) / 2))


def _classes(values: Array, truths: bool, target: str) -> dict[str, int]:
    """Count the rows of each class; none if the values are numbers, one of which has a single row: they are amounts.

    Raises:
        DataError: A class has a single row.
    """
    counts = _counts(values, truths)
    single = [name for name, rows in counts.items() if rows == 1]
    if single and values.dtype != object and len(counts) > 2:
        return {}
    if single:
        raise DataError(
            f"Each class of the target must have at least 2 rows, but {listed_first([*map(repr, single)], 3)} of "
            f"{target!r} {'has' if len(single) == 1 else 'have'} 1. Add rows, remove these classes from the file, or "
            "name another target."
        )
    return counts


def _counts(values: Array, truths: bool) -> dict[str, int]:
    texts = [value if isinstance(value, str) else str(bool(value)) if truths else f"{value:.0f}" for value in values]
    words, counts = np.unique(texts, return_counts=True)
    return dict(zip(words.tolist(), counts.tolist(), strict=True))

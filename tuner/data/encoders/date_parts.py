"""A column of dates or times: days since the first one, and positions in the year, the week and the day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from tuner.data.cells import absent
from tuner.data.dataset import Array
from tuner.data.date_formats import date_format, parse_dates
from tuner.data.encoders.base import ColumnEncoder, Encoding, json_texts
from tuner.errors import DataError
from tuner.text import count, listed

_DAY_US = 86_400_000_000
_MONDAY = 3
"""Weekday of 1970-01-01, a Thursday, if Monday is 0."""


def _year(times: Array) -> Array:
    """Return the part of the year that has passed, from 0 to 1."""
    start = times.astype("datetime64[Y]")
    begin, end = start.astype("datetime64[us]"), (start + 1).astype("datetime64[us]")
    return np.asarray((times - begin) / (end - begin))


def _week(times: Array) -> Array:
    """Return the weekday as a part of the week: Monday is 0, Sunday 6/7."""
    return np.asarray(((times.astype("datetime64[D]").astype(np.int64) + _MONDAY) % 7) / 7.0)


def _day(times: Array) -> Array:
    """Return the part of the day that has passed, from 0 to 1."""
    return np.asarray((times - times.astype("datetime64[D]")) / np.timedelta64(_DAY_US, "us"))


CYCLES: Mapping[str, Callable[[Array], Array]] = {"year": _year, "weekday": _week, "time": _day}
"""Name → position in a cycle, from 0 to 1; each gives two columns, its sine and its cosine."""


@dataclass(frozen=True)
class DateEncoder(ColumnEncoder):
    """Encodes a date, UTC if it says no zone, as `days` since the reference and a point on a circle for each cycle.

    A cycle in which all dates stand at the same point (the time of day of dates alone) is left out.

    Attributes:
        form: "ISO8601", or a format of `strptime`.
        reference: Day that `days` are counted from, as 2026-11-28: the first one outside the test part.
        cycles: Those of `CYCLES` that are used.
    """

    form: str
    reference: str
    cycles: tuple[str, ...]

    kind: ClassVar[str] = "date"
    fills_missing: ClassVar[bool] = True

    @classmethod
    def fit(cls, name: str, values: Array, source: str, argument: Any = None) -> Self:
        """Find the format, the first day and the cycles that say something."""
        given = values[~absent(values)]
        if not len(given):
            raise DataError(
                f"A column of dates must hold dates, but {name!r} is empty outside the test part ({source}). "
                "`drop` it.",
                key="columns",
            )
        form = argument or date_format(given, f"`columns.{name}`", name, source, key="columns")
        times = parse_dates(given, form)
        if np.isnat(times).any():
            _refuse(name, values, cls(form, "1970-01-01", ()), source)
        cycles = tuple(cycle for cycle, position in CYCLES.items() if np.ptp(position(times)) > 0)
        return cls(form, str(times.min().astype("datetime64[D]")), cycles)

    def names(self, column: str) -> tuple[str, ...]:
        """Return `visited:days`, then `visited:year_sin`, `visited:year_cos` and so on."""
        ends = ["days", *(f"{cycle}_{function}" for cycle in self.cycles for function in ("sin", "cos"))]
        return tuple(f"{column}:{end}" for end in ends)

    def encode(self, texts: Array) -> Array:
        """Encode dates; NaN in all columns for values that are not dates."""
        times = parse_dates(texts, self.form)
        known = ~np.isnat(times)
        x = np.full((len(texts), 1 + 2 * len(self.cycles)), np.nan)
        times = times[known]
        columns = [(times - np.datetime64(self.reference, "us")) / np.timedelta64(_DAY_US, "us")]
        for cycle in self.cycles:
            angle = 2.0 * np.pi * CYCLES[cycle](times)
            columns += [np.sin(angle), np.cos(angle)]
        x[known] = np.column_stack(columns)
        return x

    def knows(self, texts: Array) -> Array:
        """Tell which texts are dates of the format."""
        return ~np.isnat(parse_dates(texts, self.form))

    def describe(self, column: str) -> str:
        """Say which columns it became."""
        return (
            f"The dates in {column!r} became the days since {self.reference}"
            f"{' and the position in ' + listed(list(self.cycles)) if self.cycles else ''}."
        )

    def to_json(self) -> dict[str, Any]:
        """Return format, reference and cycles."""
        return {"kind": self.kind, "format": self.form, "reference": self.reference, "cycles": list(self.cycles)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read format, reference and cycles."""
        form, reference, cycles = content["format"], content["reference"], json_texts(content["cycles"])
        np.datetime64(reference, "us")
        if not isinstance(form, str) or not set(cycles) <= set(CYCLES):
            raise ValueError("`format` must be a text and `cycles` known ones")
        return cls(form, reference, cycles)


def _refuse(name: str, values: Array, encoder: DateEncoder, source: str) -> None:
    odd = ~absent(values) & ~encoder.knows(values)
    row = int(odd.argmax())
    raise DataError(
        f"`columns.{name}` must hold dates of the format {encoder.form}, but "
        f"{count(int(odd.sum()), 'cell does', 'cells do')} not, such as {values[row]!r} ({source}). Correct it, or "
        "add it to `missing_values`.",
        key="columns",
    )


DATE = Encoding(
    "date",
    "days since the first date, and sine and cosine of the position in the year, the week and the day; the format is "
    'detected, or given as { date = "%d.%m.%Y" }',
    DateEncoder,
)

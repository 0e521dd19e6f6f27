"""Texts as dates and times, all of a column in one format."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from tuner.data.dataset import Array
from tuner.errors import DataError, shown

ISO = "ISO8601"
_DATES = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d"),
    *("%d %b %Y", "%b %d %Y", "%b %d, %Y", "%d-%b-%Y", "%d %B %Y", "%B %d, %Y"),
)
_TIMES = ("", " %H:%M", " %H:%M:%S")


def date_format(
    values: Any, owner: str, name: str, source: str, also: str = "", *, key: str = "source", all_rows: bool = False
) -> str:
    """Return the one format, "ISO8601" or one of `strptime`, in which all values are dates.

    Args:
        values: Texts or date objects, none of them missing.
        owner: What must hold them; for messages.
        name: The column; for messages.
        source: For messages.
        also: What it may hold instead; for messages.
        key: Key of `[data]` that an error concerns.
        all_rows: Whether these are the values of all rows of the source, so that a message can say which row is wrong.

    Raises:
        DataError: They are no dates, or may be read in two ways.
    """
    import pandas

    series, found = pandas.Series(values), dict[str, Any]()
    for form in (ISO, *(date + time for date, time in itertools.product(_DATES, _TIMES))):
        try:
            dates = pandas.to_datetime(series, format=form, utc=True)
        except (TypeError, ValueError):
            continue
        if form == ISO:
            return form
        found[form] = dates
    if not found:
        bad = next((row for row, value in enumerate(series) if not _is_date(value)), 0)
        where = f" in row {bad + 1}" if all_rows else ""
        raise DataError(
            f"{owner} must hold {also}dates as 2026-11-28, but {name!r} holds {shown(series.iloc[bad])}{where} "
            f"({source}). Write all dates in one such form.",
            key=key,
        )
    first, *others = found
    if any(not found[other].equals(found[first]) for other in others):
        raise DataError(
            f"{owner} must hold dates that can be read in one way, but {name!r} may be {' or '.join(found)}, as in "
            f"{shown(series.iloc[0])} ({source}). Write them as 2026-11-28.",
            key=key,
        )
    return first


def parse_dates(values: Any, form: str) -> Array:
    """Parse dates, `(n,)`, as datetime64[us] in UTC, which is also the zone of those that name none.

    Dates in ISO 8601 are dates in any format.  What is not a date, or missing, is NaT.
    """
    import pandas

    codes, distinct = pandas.factorize(np.asarray(values, dtype=object))
    if not len(distinct):
        return np.full(len(codes), np.datetime64("NaT", "us"))
    series = pandas.Series(distinct, dtype=object)
    times = pandas.to_datetime(series, format=form, errors="coerce", utc=True)
    if form != ISO and times.isna().any():
        times = times.fillna(pandas.to_datetime(series, format=ISO, errors="coerce", utc=True))
    found = times.dt.tz_localize(None).dt.as_unit("us").to_numpy()
    return np.append(found, np.datetime64("NaT", "us"))[codes]


def _is_date(value: Any) -> bool:
    import pandas

    try:
        pandas.to_datetime(value)
    except (TypeError, ValueError):
        return False
    return True

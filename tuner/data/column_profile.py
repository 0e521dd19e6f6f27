"""What a column of a table looks like, before anybody has said what it is."""

from __future__ import annotations

import dataclasses
import datetime
import re
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.data.cells import (
    MISSING_WORDS,
    MOST_MARKERS,
    Commas,
    absent,
    classify_commas,
    has_thousands_commas,
    is_number,
)
from tuner.data.dataset import Array
from tuner.data.date_formats import date_format
from tuner.data.pandas_columns import column
from tuner.data.raw_data import LARGEST
from tuner.data.targets_and_task import MOST_CLASSES
from tuner.errors import DataError

if TYPE_CHECKING:
    import pandas

_SAMPLE = 200
"""Different texts that are looked at to recognize dates."""

_EXAMPLES = 3
_DATE = re.compile(
    r"\d{1,4}\s*[-/.]\s*\w{1,9}\s*[-/.]\s*\d{1,4}|\d{4}[-/]\d{1,2}|\d{1,2}:\d{2}|[A-Za-z]{3,9} \d{1,2}, \d{4}"
)
_IDENTIFIER = re.compile(r"(?:^|[^a-z])(?:id|ids|index|idx|key|uuid|guid|row|rownames|number|no|nr)(?:$|[^a-z])", re.I)
_PROSE_WORDS = 8.0
"""Words that texts have on average, at least, if they are more than names or addresses."""

_SIGN = re.compile("[%$€£¥]")


class ColumnKind(StrEnum):
    """What the cells of a column are."""

    NUMBER = "number"
    TEXT = "text"
    DATE = "date"
    UNUSABLE = "unusable"


@dataclass(frozen=True)
class ColumnProfile:
    """One column of a table.

    Attributes:
        name: Its name.
        kind: What its cells are.
        rows: Rows of the table.
        missing: Cells without a value.
        distinct: Different values.
        whole: True if all values are whole numbers.
        markers: Texts among numbers, such as "?", if they are few: they may stand for missing cells.
        problem: Why it is unusable, or its dates cannot be read; or an empty text.
        beyond: Numbers that are infinite or beyond float32.
        examples: Its first different texts, numbers with commas before others.
        commas: What the commas of its numbers separate; None if it has none, or is read with a decimal comma.
        sign: "%" or the sign of a currency, if its texts are numbers with it.
        mean_words: Words that its different texts have on average; 0 if they are none.
        first_missing, first_beyond: Row of the first such cell, from 1; 0 without one.
    """

    name: str
    kind: ColumnKind
    rows: int
    missing: int
    distinct: int
    whole: bool = False
    markers: tuple[str, ...] = ()
    problem: str = ""
    beyond: int = 0
    examples: tuple[str, ...] = ()
    commas: Commas | None = None
    sign: str = ""
    mean_words: float = 0.0
    first_missing: int = 0
    first_beyond: int = 0

    @classmethod
    def of_numbers(cls, name: str, missing: Array, beyond: Array, distinct: int, whole: bool = False) -> ColumnProfile:
        """Describe a column of numbers; `missing` and `beyond` say which rows have such a cell."""
        return cls(
            name,
            ColumnKind.NUMBER,
            len(missing),
            int(missing.sum()),
            distinct,
            whole,
            beyond=int(beyond.sum()),
            first_missing=_first_row(missing),
            first_beyond=_first_row(beyond),
        )

    @property
    def given(self) -> int:
        """Number of cells with a value."""
        return self.rows - self.missing

    @property
    def is_constant(self) -> bool:
        """True if it has one value at most."""
        return self.distinct <= 1

    @property
    def is_signed_amount(self) -> bool:
        """True for numbers with a sign that are too many different ones to be classes."""
        return bool(self.sign) and self.distinct > MOST_CLASSES

    @property
    def may_name_groups(self) -> bool:
        """True for texts, and for whole numbers in all rows."""
        return self.kind is ColumnKind.TEXT or (self.whole and not self.missing)

    @property
    def is_prose(self) -> bool:
        """True for texts of several words, such as reviews."""
        return self.kind is ColumnKind.TEXT and self.mean_words >= _PROSE_WORDS

    @property
    def is_identifier(self) -> bool:
        """True if its values name rows rather than describe them."""
        if self.kind is ColumnKind.TEXT:
            return self.given >= 20 and self.distinct > 0.5 * self.given
        named = _IDENTIFIER.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.name)) is not None
        return self.whole and named and self.distinct > 0.9 * self.rows


def profile_column(
    series: pandas.Series[Any],
    name: str,
    source: str = "",
    missing_values: Collection[str] = (),
    decimal: str = ".",
) -> ColumnProfile:
    """Describe a column as `read_frame` returns it; `decimal` is the mark of numbers that stand among texts."""
    rows = len(series)
    if holds_dates(series):
        missing = series.isna().to_numpy()
        first = _first_row(missing)
        return ColumnProfile(name, ColumnKind.DATE, rows, int(missing.sum()), series.nunique(), first_missing=first)
    try:
        values = column(series, name, source, missing_values)
    except DataError as error:
        lacking = int(series.isna().sum())
        return ColumnProfile(name, ColumnKind.UNUSABLE, rows, lacking, rows - lacking, problem=str(error))
    if values.dtype != object:
        missing = np.isnan(values)
        given = values[~missing]
        whole = bool((given == np.round(given)).all())
        return ColumnProfile.of_numbers(name, missing, np.abs(values) > LARGEST, len(np.unique(given)), whole)
    missing = absent(values)
    given = values[~missing]
    words = list(dict.fromkeys(given.tolist()))
    commas = classify_commas(words) if decimal == "." else None
    markers = () if commas else _markers(given, words, decimal)
    dates = not markers and _are_dates(words)
    kind = ColumnKind.NUMBER if markers else ColumnKind.DATE if dates else ColumnKind.TEXT
    problem = _date_problem(words, name) if dates else ""
    found = ColumnProfile(name, kind, rows, rows - len(given), len(words), markers=markers, problem=problem)
    if commas:
        words.sort(key=lambda word: "," not in word)
    sign = number_sign(words) if kind is ColumnKind.TEXT else ""
    return dataclasses.replace(
        found,
        examples=tuple(words[:_EXAMPLES]),
        commas=commas,
        sign=sign,
        mean_words=_mean_words(words),
        first_missing=_first_row(missing),
    )


def _mean_words(texts: Collection[str]) -> float:
    """Return how many words texts have on average, 0 without any."""
    return sum(len(text.split()) for text in texts) / max(len(texts), 1)


def are_prose(texts: Collection[str]) -> bool:
    """Return whether texts have several words, such as reviews."""
    return _mean_words(texts) >= _PROSE_WORDS


def _first_row(cells: Array) -> int:
    return int(cells.argmax()) + 1 if cells.any() else 0


def number_sign(words: Collection[str]) -> str:
    """Return "%" or the sign of a currency that all these texts have beside a number, else an empty text."""
    found = {match[0] for word in words if (match := _SIGN.search(word))}
    if len(found) != 1:
        return ""
    (sign,) = found
    given = (word.replace(sign, "", 1).strip() for word in words if word.lower() not in MISSING_WORDS)
    numbers = all(is_number(word) or is_number(word, ",") or has_thousands_commas(word) for word in given)
    return sign if numbers else ""


def holds_dates(series: pandas.Series[Any]) -> bool:
    """Tell whether a column holds dates as such, not as texts: of a Parquet file."""
    if series.dtype.kind != "O":
        return series.dtype.kind == "M"
    given = series[series.notna()]
    return bool(len(given)) and all(isinstance(value, datetime.date) for value in given)


def _date_problem(words: list[str], name: str) -> str:
    """Return why dates cannot be encoded as such, an empty text if they can."""
    try:
        date_format(words, "The column", name, "")
    except DataError as error:
        return str(error)
    return ""


def _markers(given: Array, words: list[str], decimal: str) -> tuple[str, ...]:
    """Return the few texts of a column of numbers, none if it is a column of texts."""
    odd = [word for word in words if not is_number(word, decimal)]
    numbers = sum(is_number(word, decimal) for word in given.tolist())
    few = 0 < len(odd) <= MOST_MARKERS and len(words) - len(odd) > len(odd)
    return tuple(odd) if few and numbers >= 0.5 * len(given) else ()


def _are_dates(words: list[str]) -> bool:
    """Tell whether nearly all of the first texts are dates or times."""
    import pandas

    sample = [word for word in words[:_SAMPLE] if word.lower() not in MISSING_WORDS]
    if not sample or sum(_DATE.search(word) is not None for word in sample) < 0.95 * len(sample):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed = pandas.to_datetime(pandas.Series(sample), errors="coerce", format="mixed", utc=True)
    return bool(parsed.notna().sum() >= 0.95 * len(sample))

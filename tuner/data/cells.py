"""What a cell of a table is: a text, a number, or missing.

The same rule for every source, so that a table that is saved, read and typed again is the same table:

- a text is compared without blanks around it and in Unicode's composed form (NFC);
- an empty text is missing, and so is each of the study's `missing_values`;
- texts of a format without types (CSV) are numbers if all of a column are; beside numbers a `MISSING_WORDS` is missing;
- everywhere else such a word is a value: a class "None", the country code "NA".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from tuner.data.dataset import Array
from tuner.errors import DataError

MISSING_WORDS = frozenset({"na", "n/a", "#n/a", "#na", "<na>", "nan", "-nan", "null", "none"})
"""What programs write for a missing number, in lower case."""

MOST_MARKERS = 3
"""Different texts that may mean missing cells in a column of numbers."""

_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?)", re.ASCII | re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?", re.ASCII)
_BOOLS = {"True": 1.0, "TRUE": 1.0, "true": 1.0, "False": 0.0, "FALSE": 0.0, "false": 0.0}
_LARGEST_WHOLE = 2.0**53
"""Whole numbers beyond it are not distinct as float64."""


def cell_text(value: Any) -> str | None:
    """Give the text of one cell, or None if it is missing.

    A number is written as briefly as it can be read again, a whole one without a fraction: 101, 101.0 and "101" are the
    same text.
    """
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value).strip() or None
    if value is None or type(value).__name__ in ("NaTType", "NAType") or value != value:
        return None
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, float | np.floating):
        number = float(value) + 0.0  # no minus before a 0
        return f"{number:.0f}" if abs(number) < _LARGEST_WHOLE and number == round(number) else str(value)
    return str(value).strip() or None


def column_name(name: Any) -> str:
    """Give the name of a column as a study file writes it."""
    return unicodedata.normalize("NFC", str(name)).strip()


def cell_texts(values: Array, missing_values: Collection[str] = ()) -> Array:
    """Give the texts of a column: `object` of shape `(n,)` holding `str`, or None if a cell is missing."""
    import pandas

    codes, distinct = pandas.factorize(values)
    texts = [cell_text(value) for value in distinct]
    known = [None if text in missing_values else text for text in texts]
    return np.array([*known, None], dtype=object)[codes]


@dataclass(frozen=True)
class CodedTexts:
    """The texts of many columns, each different one once.

    Attributes:
        codes: Place of the text of each cell in `words`, shape `(n, columns)`.
        words: The texts, `object` holding `str`; the last one is None, for missing cells.
    """

    codes: Array
    words: Array

    @classmethod
    def from_cells(cls, cells: Array, missing_values: Collection[str] = ()) -> CodedTexts:
        """Code the cells of many columns, each a `str` or missing, shape `(n, columns)`."""
        import pandas

        codes, distinct = pandas.factorize(cells.ravel())
        known = [None if (text := cell_text(value)) in missing_values else text for value in distinct]
        return cls(codes.reshape(cells.shape), np.array([*known, None], dtype=object))

    def texts(self, columns: Array) -> Array:
        """Give the texts of some columns, as `cell_texts`."""
        return np.asarray(self.words[self.codes[:, columns]])

    def numbers(self, decimal: str = ".") -> dict[int, Array]:
        """Type the texts: column → float64 with NaN for missing cells, or bool; none for columns of texts.

        Args:
            decimal: The decimal mark of numbers.
        """
        given = [word is not None and word.lower() not in MISSING_WORDS for word in self.words]
        pairs = list(zip(self.words, given, strict=True))
        found: dict[int, Array] = {}
        some = np.array(given)[self.codes].any(axis=0)
        for values in (_BOOLS, _floats((word for word, is_given in pairs if is_given), decimal)):
            fits = np.array([not is_given or word in values for word, is_given in pairs])[self.codes].all(axis=0)
            numbers = np.array([values.get(word, np.nan) for word in self.words])
            for column in np.flatnonzero(fits & some).tolist():
                typed = numbers[self.codes[:, column]]
                if values is _BOOLS and not np.isnan(typed).any():
                    typed = typed > 0
                elif values is not _BOOLS and not _told_apart(self.words[np.unique(self.codes[:, column])]):
                    continue
                found.setdefault(column, typed)
        return found


def _floats(words: Iterable[str], decimal: str) -> dict[str, float]:
    """Map the words that are numbers to these."""
    return {word: float(word.replace(decimal, ".")) for word in words if is_number(word, decimal)}


def cell_values(texts: Array, decimal: str = ".") -> Array:
    """Type the texts of a column: float64 with NaN if one is missing, bool, or the texts as they are."""
    return CodedTexts.from_cells(texts[:, None]).numbers(decimal).get(0, texts)


def _told_apart(words: Iterable[str | None]) -> bool:
    """Tell whether different whole numbers are different as float64."""
    whole = {int(word) for word in words if word and len(word) > 15 and word.lstrip("+-").isdecimal()}
    return len({float(number) for number in whole}) == len(whole)


def absent(texts: Array) -> Array:
    """Which cells of a text column are None: bool, shape `(n,)`."""
    return np.asarray(texts == None, bool)  # noqa: E711


def is_number(text: str, decimal: str = ".") -> bool:
    """Tell whether a text is a number in the notation of CSV files, with this decimal mark and no other."""
    if decimal != ".":
        text = text.replace(".", "?").replace(decimal, ".")
    return _NUMBER.fullmatch(text) is not None


def has_decimal_comma(text: str) -> bool:
    """Tell whether a text is a number such as "1,5"."""
    return "," in text and is_number(text, ",")


def has_thousands_commas(text: str) -> bool:
    """Tell whether a text is a number with a comma before each group of three digits, such as "51,494" and "1,234.5".

    With one comma, and no point, it may have a decimal comma as well.
    """
    return _THOUSANDS.fullmatch(text) is not None


class Commas(StrEnum):
    """What separates the commas of a column of numbers."""

    DECIMALS = "decimals"
    THOUSANDS = "thousands"
    EITHER = "either"


def classify_commas(words: Collection[str]) -> Commas | None:
    """Classify the commas of a column of numbers; None if it is no such column, or holds several kinds.

    Args:
        words: Its different texts; words for missing cells may be among them, and up to three others.
    """
    if not any("," in word for word in words):
        return None
    given = [word for word in words if word.lower() not in MISSING_WORDS]
    numbers = [word for word in given if is_number(word) or is_number(word, ",") or has_thousands_commas(word)]
    odd, commas = len(given) - len(numbers), [word for word in numbers if "," in word]
    if not commas or odd > MOST_MARKERS or odd >= len(numbers):
        return None
    points, decimals = any("." in word for word in numbers), all(is_number(word, ",") for word in commas)
    if all(map(has_thousands_commas, commas)):
        return Commas.EITHER if decimals and not points else Commas.THOUSANDS
    return Commas.DECIMALS if decimals and not points else None


def without_values(x: Array, missing_values: Iterable[str]) -> Array:
    """Give numbers with NaN in place of each of `missing_values`."""
    numbers = [float(word) for word in missing_values if is_number(word)]
    if not numbers:
        return x
    x = np.asarray(x, x.dtype if x.dtype.kind == "f" else np.float64)
    return np.where(np.isin(x, np.asarray(numbers, x.dtype)), x.dtype.type(np.nan), x)


def check_whole(given: Any, numbers: Array, source: str) -> None:
    """Refuse whole numbers of a target that are different, but the same as float64."""
    if np.abs(numbers, where=np.isfinite(numbers), out=np.zeros_like(numbers)).max(initial=0) < _LARGEST_WHOLE:
        return
    values = np.asarray(given).ravel()
    whole = {int(value) for value in values if isinstance(value, int | np.integer)}
    if len(whole) > len({float(value) for value in whole}):
        raise DataError(
            f"Whole numbers of the target must be below 2^53 to be told apart, but {source} holds {max(whole)}. "
            "Save them as texts if they name classes, or divide them.",
            key="target",
        )

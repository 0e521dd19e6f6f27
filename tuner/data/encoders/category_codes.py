"""A column of categories: a column of 0 and 1 for each, or their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from tuner.data.categories import Categories
from tuner.data.cells import absent, is_number
from tuner.data.dataset import Array
from tuner.data.encoders.base import ColumnEncoder, Encoding, json_texts
from tuner.errors import DataError, nearest, shown
from tuner.text import count

MOST_CATEGORIES = 1000


@dataclass(frozen=True)
class CategoryEncoder(ColumnEncoder):
    """Encodes a text by its place among the categories.

    Attributes:
        words: The categories in the order of their codes.
        had_missing: Whether a text was missing when it was fitted: then a missing one is a known case, else as odd as
            an unknown one.  None if an older version fitted it.
    """

    words: tuple[str, ...]
    had_missing: bool | None = None

    @classmethod
    def fit(cls, name: str, values: Array, source: str, argument: Any = None) -> Self:
        """Take the categories from the rows, numbers in their order and texts in that of the alphabet."""
        found = {*values} - {None}
        if not found:
            raise DataError(
                f"A text column must hold text, but {name!r} is empty outside the test part ({source}). `drop` it.",
                key="text",
            )
        words = _ordered(found) if argument is None else _given(name, values, source, argument)
        return cls(words, bool(absent(values).any()))

    def knows(self, texts: Array) -> Array:
        """Tell which texts are categories."""
        known = frozenset(self.words)
        return np.fromiter((text in known for text in texts), bool, len(texts))

    def reader(self, column: str) -> Callable[[Any], str | None]:
        """Return what finds the category that a cell reads as."""
        return Categories(column, self.words).find

    def describe(self, column: str) -> str:
        """Say how many categories it has."""
        many = count(len(self.words), "category", "categories")
        return f"The text column {column!r} was encoded as {self.kind} of {many}."

    def codes(self, texts: Array) -> Array:
        """Return the place of each text among the categories, -1 for any other, float64 of shape `(n, 1)`."""
        codes = {**dict.fromkeys(texts, -1), **{word: code for code, word in enumerate(self.words)}}
        return np.fromiter(map(codes.__getitem__, texts), np.float64, len(texts))[:, None]

    def to_json(self) -> dict[str, Any]:
        """Return the categories, and whether a text was missing."""
        known = {} if self.had_missing is None else {"had_missing": self.had_missing}
        return {"kind": self.kind, "categories": list(self.words), **known}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read the categories; files of before have no `had_missing`."""
        had_missing = content.get("had_missing")
        if had_missing not in (None, True, False):
            raise ValueError("`had_missing` must be true or false")
        return cls(json_texts(content["categories"]), had_missing)


@dataclass(frozen=True)
class OneHotEncoder(CategoryEncoder):
    """Encodes a text as a column of 0 and 1 for each category; any other text as zeros."""

    kind: ClassVar[str] = "one_hot"
    scaled: ClassVar[bool] = False
    unknown: ClassVar[int | None] = 0

    @classmethod
    def fit(cls, name: str, values: Array, source: str, argument: Any = None) -> Self:
        """Take the categories from the rows."""
        found = super().fit(name, values, source, argument)
        if len(found.words) > MOST_CATEGORIES:
            raise DataError(
                f"A one-hot column may have at most {MOST_CATEGORIES} categories, but {name!r} has "
                f"{len(found.words)} ({source}). Encode it as ordinal, or texts of several words as tf_idf, in "
                "[data.columns], or `drop` it.",
                key="columns",
            )
        return found

    def names(self, column: str) -> tuple[str, ...]:
        """Return one name a category, `city=Rome`."""
        return tuple(f"{column}={word}" for word in self.words)

    def encode(self, texts: Array) -> Array:
        """Encode texts as 0 and 1."""
        return np.asarray(self.codes(texts) == np.arange(len(self.words)), np.float64)

    def draw(self, random: np.random.Generator, rows: int) -> Array:
        """Draw one category a row."""
        chosen: Array = np.eye(len(self.words))[random.integers(0, len(self.words), size=rows)]
        return chosen


@dataclass(frozen=True)
class OrdinalEncoder(CategoryEncoder):
    """Encodes a text as the place of its category, from 0; any other text as -1."""

    kind: ClassVar[str] = "ordinal"
    unknown: ClassVar[int | None] = -1

    def names(self, column: str) -> tuple[str, ...]:
        """Return the name of the column."""
        return (column,)

    def encode(self, texts: Array) -> Array:
        """Encode texts as codes."""
        return self.codes(texts)

    def draw(self, random: np.random.Generator, rows: int) -> Array:
        """Draw codes."""
        return random.integers(0, len(self.words), size=(rows, 1)).astype(np.float64)


def _ordered(words: set[str]) -> tuple[str, ...]:
    numbers = all(map(is_number, words))
    return tuple(sorted(words, key=lambda word: (float(word), word)) if numbers else sorted(words))


def _given(name: str, values: Array, source: str, order: tuple[str, ...]) -> tuple[str, ...]:
    """Return the categories in the order that the study gives.

    Raises:
        DataError: A row has another one.
    """
    there = ~absent(values)
    others = there & ~np.isin(values.astype(str), order)
    if others.any():
        word = values[int(others.argmax())]
        near = nearest(word, order)
        raise DataError(
            f"`columns.{name}` must list all categories, but {count(int(others.sum()), 'row holds', 'rows hold')} "
            f"others, such as {shown(word)} ({source}). {f'Is it a misspelling of {near!r}? ' if near else ''}Add it "
            "to the list, or to `missing_values`.",
            key="columns",
        )
    return order


ONE_HOT = Encoding("one_hot", "a column of 0 and 1 for each category; zeros for an unknown one", OneHotEncoder)
ORDINAL = Encoding(
    "ordinal",
    "the index of the category from 0, in numeric or alphabetical order, or in a given order, "
    '{ ordinal = ["low", "high"] }; -1 for an unknown one',
    OrdinalEncoder,
)

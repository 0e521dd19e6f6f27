"""The base class of column encoders, and the entry of an encoding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from tuner.data.cells import cell_text
from tuner.data.dataset import Array


class ColumnEncoder(ABC):
    """Encodes the texts of one column as numbers, by what was fitted on the rows outside the test part.

    Attributes:
        kind: Name of its encoding.
        scaled: Whether its numbers are scaled.
        fills_missing: Whether the numbers of a missing text are filled as other missing numbers are.
        words: Its categories in the order of their codes; none if its texts are none.
        unknown: Number for a text that `knows` refuses; None if such a text is an error, or there is none.
        had_missing: Whether a text was missing when it was fitted; None if that is not known, or does not matter, as
            its missing numbers are filled.
    """

    kind: ClassVar[str]
    scaled: ClassVar[bool] = True
    fills_missing: ClassVar[bool] = False
    unknown: ClassVar[int | None] = None
    words: tuple[str, ...] = ()
    had_missing: bool | None = None

    @classmethod
    @abstractmethod
    def fit(cls, name: str, values: Array, source: str, argument: Any = None) -> Self:
        """Fit it.

        Args:
            name: The column; for messages.
            values: Its texts outside the test part, `object` of shape `(n,)` holding `str`, or None if one is missing.
            source: For messages.
            argument: What the study file says besides the name of the encoding; None for nothing.

        Raises:
            DataError: The texts do not suit it.
        """

    @abstractmethod
    def names(self, column: str) -> tuple[str, ...]:
        """Return the names of the encoded columns."""

    @abstractmethod
    def encode(self, texts: Array) -> Array:
        """Encode texts, `(n,)`, as float64 of shape `(n, len(names))`; NaN if a missing text has no number."""

    @abstractmethod
    def knows(self, texts: Array) -> Array:
        """Tell which texts it can encode: bool, shape `(n,)`; anything for missing ones."""

    @abstractmethod
    def describe(self, column: str) -> str:
        """Return a sentence on what became of the column."""

    def reader(self, column: str) -> Callable[[Any], str | None]:
        """Return what reads the text of a cell of any type; None for a missing one."""
        return cell_text

    def draw(self, random: np.random.Generator, rows: int) -> Array | None:
        """Draw encoded rows as they may come; None if they may be drawn as any numbers are."""
        return None

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Plain JSON; `kind` is the name of the encoding."""

    @classmethod
    @abstractmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave, or somebody made up.

        Raises:
            ValueError, KeyError, TypeError: It is something else.
        """


@dataclass(frozen=True)
class Encoding:
    """A way in which a column becomes numbers, as `[data.columns]` names it.

    Attributes:
        name: Its name.
        summary: One line of explanation.
        encoder: Encodes its texts; None if its cells are numbers, or no feature.
        is_feature: Whether the column is a feature.
    """

    name: str
    summary: str
    encoder: type[ColumnEncoder] | None = None
    is_feature: bool = True


def json_texts(given: Any) -> tuple[str, ...]:
    """Return a list of texts as a tuple.

    Raises:
        ValueError: It is something else.
    """
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        raise ValueError("names, categories and parts must be lists of strings")
    return tuple(given)

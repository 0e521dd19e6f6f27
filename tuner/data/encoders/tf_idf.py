"""A column of texts of several words: a number for each common word, how often a text has it and how rare it is.

The weights are those of scikit-learn's `TfidfVectorizer(sublinear_tf=True)`: a word that a text has `c` times has
`(1 + ln c) · (1 + ln((1 + n) / (1 + d)))`, where `d` of the `n` texts have it, and the weights of a text have the
Euclidean norm 1 (Salton and Buckley 1988, https://doi.org/10.1016/0306-4573(88)90021-0).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar, Self

import numpy as np

from tuner.data.cells import absent
from tuner.data.dataset import Array
from tuner.data.encoders.base import ColumnEncoder, Encoding, json_texts
from tuner.errors import DataError
from tuner.text import count

DEFAULT_WORDS = 1_000
MOST_WORDS = 20_000

_LEAST_TEXTS = 2
"""A word that fewer texts have says nothing of new ones."""

_WORDS_DRAWN = 10

_WORD = r"{0}+(?:'{0}+)*"  # "don't" is one word
_MARKS_END = 0x20000
"""Marks of all scripts are below; of what follows only selectors of variants are marks."""
_OF_ASCII = re.compile(_WORD.format(r"\w"))


@cache
def _of_any_script() -> re.Pattern[str]:
    """Return the pattern of words whose letters may have marks, as in "हिन्दी": for `re` these are no part of a word."""
    marks = "".join(char for char in map(chr, range(_MARKS_END)) if unicodedata.category(char) in ("Mn", "Mc"))
    return re.compile(_WORD.format(rf"[\w{marks}]"))


def split_words(text: str) -> list[str]:
    """Return the words of a text in lower case, in their order.

    They are runs of letters with their marks, digits and _; an apostrophe between two runs joins them.
    """
    if text.isascii():
        return _OF_ASCII.findall(text.lower())
    plain = text.lower().replace("\u2019", "'").replace("i\u0307", "i")  # İ is an i with a dot in lower case
    return _of_any_script().findall(plain)


@dataclass(frozen=True)
class TfIdfEncoder(ColumnEncoder):
    """Encodes a text as the TF-IDF weights of its words; words that are not in the vocabulary count for nothing.

    Attributes:
        vocabulary: The words, those that most texts have first.
        idf: How rare each of them is, at least 1.
    """

    vocabulary: tuple[str, ...]
    idf: tuple[float, ...]

    kind: ClassVar[str] = "tf_idf"
    scaled: ClassVar[bool] = False

    @classmethod
    def fit(cls, name: str, values: Array, source: str, argument: Any = None) -> Self:
        """Take the most common words, `argument` at most, and count the texts that have them."""
        texts = values[~absent(values)].tolist()
        having = Counter(word for text in texts for word in set(split_words(text)))
        common = sorted(
            (word for word in having if having[word] >= _LEAST_TEXTS), key=lambda word: (-having[word], word)
        )
        if not common:
            raise DataError(
                f"A column of the encoding tf_idf must hold texts that share words, but no word of {name!r} is in "
                f"{_LEAST_TEXTS} rows outside the test part ({source}). `drop` it.",
                key="columns",
            )
        chosen = tuple(common[: argument or DEFAULT_WORDS])
        return cls(chosen, tuple(1.0 + math.log((1 + len(texts)) / (1 + having[word])) for word in chosen))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.vocabulary)}

    def names(self, column: str) -> tuple[str, ...]:
        """Return `review:good` for the word "good"."""
        return tuple(f"{column}:{word}" for word in self.vocabulary)

    def encode(self, texts: Array) -> Array:
        """Encode texts; zeros for a missing one, and for one without a word of the vocabulary."""
        x = np.zeros((len(texts), len(self.vocabulary)))
        place_of, idf = self._places.get, np.asarray(self.idf)
        for row, text in enumerate(texts):
            places = [place for word in split_words(text or "") if (place := place_of(word)) is not None]
            if places:
                there, times = np.unique(places, return_counts=True)
                weights = (1.0 + np.log(times)) * idf[there]
                x[row, there] = weights / np.linalg.norm(weights)
        return x

    def knows(self, texts: Array) -> Array:
        """Any text can be encoded."""
        return np.ones(len(texts), bool)

    def draw(self, random: np.random.Generator, rows: int) -> Array:
        """Draw the weights of a few words a row."""
        x = np.zeros((rows, len(self.vocabulary)))
        places = random.integers(0, len(self.vocabulary), size=(rows, _WORDS_DRAWN))
        x[np.arange(rows)[:, None], places] = random.uniform(0.5, 1.0, size=places.shape)
        return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True))

    def describe(self, column: str) -> str:
        """Say how many words became columns."""
        return f"The texts in {column!r} became the TF-IDF weights of {count(len(self.vocabulary), 'word')}."

    def to_json(self) -> dict[str, Any]:
        """Return the words and their rarity."""
        return {"kind": self.kind, "vocabulary": list(self.vocabulary), "idf": list(self.idf)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read the words and their rarity."""
        vocabulary, idf = json_texts(content["vocabulary"]), content["idf"]
        if not isinstance(idf, list) or len(idf) != len(vocabulary) or len(set(vocabulary)) < len(vocabulary):
            raise ValueError("`idf` must have a number for each word of `vocabulary`, which must differ")
        if not all(isinstance(number, int | float) and math.isfinite(number) and number > 0 for number in idf):
            raise ValueError("`idf` must hold finite numbers above 0")
        return cls(vocabulary, tuple(map(float, idf)))


TF_IDF = Encoding(
    "tf_idf",
    f"the TF-IDF weights of the {DEFAULT_WORDS:,} most common words of texts such as reviews, or of fewer or more, "
    "{ tf_idf = 5000 }; words beyond them count for nothing",
    TfIdfEncoder,
)

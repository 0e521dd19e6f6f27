"""The section `[data.columns]` of a study file: column and encoding."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from tuner.data.cells import cell_text, column_name
from tuner.data.encoders import ENCODINGS
from tuner.data.encoders.tf_idf import MOST_WORDS
from tuner.data.option_validators import broken, is_number, is_text
from tuner.errors import nearest


def column_encoding(value: Any) -> Any:
    """Return an encoding with what it takes; refuse anything else."""
    if isinstance(value, OrderedCategories | MostWords | DateFormat) or (isinstance(value, str) and value in ENCODINGS):
        return value
    if isinstance(value, dict) and len(value) == 1:
        encoding, given = next(iter(value.items()))
        if encoding in OrderedCategories.model_fields:
            words = given if isinstance(given, list | tuple) else ()
            texts = [str(cell_text(word)) for word in words if is_text(word) or is_number(word)]
            if len(texts) < 2 or len(texts) < len(words) or len(set(texts)) < len(texts):
                raise broken(
                    'The categories must be a list of different texts, as in { ordinal = ["low", "high"] }', value
                )
            return OrderedCategories(ordinal=tuple(texts))
        if encoding in MostWords.model_fields:
            if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= MOST_WORDS:
                raise broken(f"The number of words must be 1 to {MOST_WORDS:,}, as in {{ tf_idf = 5000 }}", value)
            return MostWords(tf_idf=given)
        if encoding in DateFormat.model_fields:
            if not is_text(given) or "%" not in given:
                raise broken('The format must be one of strptime, as in { date = "%d.%m.%Y" }', value)
            return DateFormat(date=given)
    near = nearest(value, ENCODINGS)
    raise broken("There is no such encoding", value, f"Did you mean {near!r}?" if near else "")


def column_names(value: Any) -> Any:
    """Refuse anything but a table of columns; take names as tables have them."""
    if not isinstance(value, dict) or not all(is_text(name) for name in value):
        raise broken("This must be a table of columns and encodings", value)
    return {column_name(name): encoding for name, encoding in value.items()}


class OrderedCategories(BaseModel):
    """Categories as numbers from 0, in this order."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    ordinal: tuple[StrictStr, ...] = Field(description="all categories, in their order")


class MostWords(BaseModel):
    """Texts as weights of their words, of so many different words at most."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tf_idf: StrictInt = Field(description="number of words, those that most rows have", ge=1, le=MOST_WORDS)


class DateFormat(BaseModel):
    """Dates of one format."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    date: StrictStr = Field(description='format of strptime, as in "%d.%m.%Y"')

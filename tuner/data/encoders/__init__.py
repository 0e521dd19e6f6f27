"""The encodings of a column, by name."""

from __future__ import annotations

from tuner.data.encoders.base import ColumnEncoder, Encoding
from tuner.data.encoders.category_codes import ONE_HOT, ORDINAL
from tuner.data.encoders.date_parts import DATE
from tuner.data.encoders.tf_idf import TF_IDF
from tuner.registry import Registry

NUMBER = Encoding("number", "the number in each cell; an error if a cell is not a number")
DROP = Encoding("drop", "not a feature, as in the list `drop`", is_feature=False)

ENCODINGS: Registry[Encoding] = Registry("encoding", ONE_HOT, ORDINAL, TF_IDF, DATE, NUMBER, DROP)

ENCODERS: dict[str, type[ColumnEncoder]] = {
    name: row.encoder for name, row in ENCODINGS.items() if row.encoder is not None
}
"""Name → what encodes the texts of a column."""

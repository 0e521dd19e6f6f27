"""The preprocessing that was fitted on a training part, and its application to new rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tuner.data.csv_options import CsvOptions
from tuner.data.dataset import Array
from tuner.data.encoders import ENCODERS
from tuner.data.encoders.base import ColumnEncoder, json_texts


@dataclass(frozen=True)
class Preprocessing:
    """What was fitted on a training part, as numbers: enough to treat new rows in the same way.

    A row goes through it in this order: columns of texts are encoded by `encoders`, missing values are replaced by
    `fill`, then `(x - center) / scale`, then the row gets the shape `shape`.

    Attributes:
        fill: Values put in place of missing ones, float64, shape `(d,)`; None if nothing is imputed.
        center, scale: float64, shape `(d,)`.
        shape: Shape of one row as the model gets it.
        features: Names of the d columns: numbers, then encoded texts (`city=Rome`, which a number column may be called
            as well); empty if the source has none.
        encoders: Column of texts → what encodes it.
        missing_values: Texts of cells that count as missing, besides empty ones.
        csv_options: How CSV files are written.
    """

    fill: Array | None
    center: Array
    scale: Array
    shape: tuple[int, ...]
    features: tuple[str, ...] = ()
    encoders: Mapping[str, ColumnEncoder] = field(default_factory=dict)
    missing_values: tuple[str, ...] = ()
    csv_options: CsvOptions = CsvOptions()

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the number columns, which come before those that are encoded."""
        encoded = sum(len(encoder.names(name)) for name, encoder in self.encoders.items())
        return self.features[: len(self.features) - encoded]

    def apply(self, x: Array) -> Array:
        """Transform encoded rows, shape `(n, ..., d)`, to float32, shape `(n, *shape)`."""
        if self.fill is not None:
            x = np.where(np.isnan(x), self.fill, x)
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(((x - self.center) / self.scale).reshape(len(x), *self.shape), np.float32)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "fill": None if self.fill is None else self.fill.tolist(),
            "center": self.center.tolist(),
            "scale": self.scale.tolist(),
            "shape": list(self.shape),
            "features": list(self.features),
            "encoders": {name: encoder.to_json() for name, encoder in self.encoders.items()},
            "missing_values": list(self.missing_values),
            "header": self.csv_options.header,
            "comment": self.csv_options.comment,
            "decimal": self.csv_options.decimal,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Preprocessing:
        """Read what `to_json` gave, or somebody made up.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: It is something else.
        """
        fill, center = content["fill"], _column_values(content["center"])
        found = cls(
            fill=None if fill is None else _column_values(fill, len(center)),
            center=center,
            scale=_column_values(content["scale"], len(center)),
            shape=tuple(content["shape"]),
            features=json_texts(content["features"]),
            encoders=_encoders(content),
            missing_values=json_texts(content.get("missing_values", [])),
            csv_options=_csv_options(content),
        )
        if not all(type(size) is int and size > 0 for size in found.shape) or not found.shape:
            raise ValueError("`shape` must hold whole numbers above 0")
        if found.features and len(found.features) != len(center):
            raise ValueError("`features` and `center` do not belong together")
        return found


def _column_values(given: Any, count: int | None = None) -> Array:
    """One finite number a column, shape `(count,)`."""
    values = np.asarray(given, np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all() or count not in (None, len(values)):
        raise ValueError("`fill`, `center` and `scale` must hold one finite number per column")
    return values


def _csv_options(content: Mapping[str, Any]) -> CsvOptions:
    """Read how CSV files are written; files of before have no `comment` and no `decimal`."""
    comment, decimal = content.get("comment"), content.get("decimal", ".")
    if decimal not in (".", ","):
        raise ValueError("`decimal` must be a point or a comma")
    comment = None if comment is None else json_texts([comment])[0]
    return CsvOptions(content.get("header", True) is not False, comment, decimal)


def _encoders(content: Mapping[str, Any]) -> dict[str, ColumnEncoder]:
    """Read the encoders; files of before `[data.columns]` have one encoding for all columns of texts."""
    if "encoders" in content:
        return {name: ENCODERS[encoder["kind"]].from_json(encoder) for name, encoder in content["encoders"].items()}
    words = content["vocabulary"].items()
    return {name: ENCODERS[content["text"]].from_json({"categories": categories}) for name, categories in words}

"""The section `[limits]`: what the network of a trial may cost."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from tuner.engines import NetworkLimits
from tuner.space import is_finite_number
from tuner.study.allowed_value import LARGEST_WHOLE
from tuner.study.problems import refusal
from tuner.study.scalars import BYTES_SCHEMA, byte_count, is_whole
from tuner.study.section_validation import Section


def _count(value: Any) -> int:
    if is_whole(value) and 1 <= value <= LARGEST_WHOLE:
        return int(value)
    raise refusal(
        "must be a whole number above 0",
        allowed="a whole number of at least 1",
        next_step="Write, for example, 50_000, or leave the key out.",
    )


def _size(value: Any) -> int:
    size: Any = byte_count(value) if isinstance(value, str) else value
    if is_whole(size) and 1 <= size <= LARGEST_WHOLE:
        return int(size)
    raise refusal(
        "must be a number of bytes",
        allowed='a whole number of at least 1, or a string such as "200kB", "1.5MiB"',
        next_step='Write, for example, "200kB", or leave the key out.',
    )


def _milliseconds(value: Any) -> float:
    if is_finite_number(value) and value > 0:
        return float(value)
    raise refusal(
        "must be a number above 0",
        allowed="milliseconds, a number above 0",
        next_step="Write, for example, 2.5, or leave the key out.",
    )


_WHOLE = {"type": "integer", "minimum": 1}
Count = Annotated[int, BeforeValidator(_count), WithJsonSchema(_WHOLE)]
Size = Annotated[
    int,
    BeforeValidator(_size),
    WithJsonSchema({"anyOf": [_WHOLE, BYTES_SCHEMA]}),
]
Milliseconds = Annotated[
    float, BeforeValidator(_milliseconds), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})
]


class LimitsSection(Section):
    """What the network of a trial may cost; a trial above a limit is not trained, and counts as diverged."""

    weights: Count | None = Field(default=None, description="most weights, including those that are not trained")
    multiply_adds: Count | None = Field(default=None, description="most multiply-adds to predict one row")
    bytes: Size | None = Field(
        default=None, description='most bytes of the weights as float32: a number, or "200kB", "1.5MiB"'
    )

    predict_ms: Milliseconds | None = Field(
        default=None,
        description="most milliseconds in which the graph of the network predicts one row, measured before training",
    )

    @property
    def limits(self) -> NetworkLimits:
        """The limits of the engines."""
        return NetworkLimits(**self.model_dump())

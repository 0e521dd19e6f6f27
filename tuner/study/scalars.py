"""Pydantic types of scalars in a study file: durations, amounts of memory, finite numbers."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from tuner.space import is_finite_number
from tuner.study.problems import refusal

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
_SECONDS = (86_400, 3_600, 60, 1)
LONGEST_S = 366 * 86_400
LEAST_MEMORY, MOST_MEMORY = 64 * 10**6, 10**15
_UNITS = {"b": 1} | {
    f"{prefix}{binary}b": (1024 if binary else 1000) ** power
    for power, prefix in enumerate("kmgt", 1)
    for binary in ("", "i")
}
_BYTES = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([kmgt]i?b|b)", re.IGNORECASE)
BYTES_SCHEMA = {"type": "string", "pattern": r"^\s*[0-9.]+\s*([kKmMgGtT][iI]?)?[bB]\s*$"}
"""JSON schema of what `byte_count` reads."""


def quoted_text(value: Any) -> str:
    """Check that `value` is text that is not blank."""
    if isinstance(value, str) and value.strip():
        return value
    raise refusal("must be text", allowed="text in quotes", next_step="Write text in quotes.")


def is_whole(value: object) -> bool:
    """Check that `value` is a finite number without a fraction."""
    return is_finite_number(value) and value == int(value)  # type: ignore[call-overload]


def duration_s(text: str) -> float | None:
    """Parse a duration such as "2d", "1h30m", "10m", "90s" or "90" (seconds), or return None."""
    compact = re.sub(r"\s+", "", text).lower()
    if len(compact) > 40:
        return None
    if re.fullmatch(r"\d+(\.\d+)?", compact):
        return float(compact)
    found = _DURATION.fullmatch(compact)
    if not compact or found is None:
        return None
    return sum(
        float(part) * seconds for part, seconds in zip(found.groups(), _SECONDS, strict=True) if part is not None
    )


def byte_count(value: object) -> int | None:
    """Parse a text such as "200kB", "1.5 MiB" or "2GB" as bytes, or return None."""
    found = _BYTES.fullmatch(value.strip()) if isinstance(value, str) else None
    return None if found is None else int(float(found[1]) * _UNITS[found[2].lower()])


def _number(value: Any) -> float:
    if is_finite_number(value):
        return float(value)
    raise refusal(
        "must be a finite number",
        allowed="a number; not nan or inf",
        next_step="Write a number without quotes, or leave the key out.",
    )


def _duration(value: Any) -> float:
    seconds = float(value) if is_finite_number(value) else duration_s(value) if isinstance(value, str) else None
    if seconds is not None and 0 < seconds <= LONGEST_S:
        return seconds
    raise refusal(
        "must be a duration" if seconds is None else "must be longer than 0 and at most 366 days",
        allowed='seconds as a number, or a string such as "90s", "10m", "1h30m", "2d"',
        next_step='Write, for example, "10m".',
    )


def _memory(value: Any) -> int:
    count = byte_count(value)
    if count is not None and LEAST_MEMORY <= count <= MOST_MEMORY:
        return count
    raise refusal(
        "must be an amount of memory" if count is None else "must be at least 64 MB and at most 1,000 TB",
        allowed='a string such as "800MB", "2GB", "1.5GiB"',
        next_step='Write, for example, "2GB".',
    )


FiniteNumber = Annotated[float, BeforeValidator(_number)]
Duration = Annotated[
    float,
    BeforeValidator(_duration),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": r"^[0-9.dhmsDHMS\s]+$"}]}
    ),
]
"""Seconds: a number of them, or a text such as "1h30m"."""
Memory = Annotated[
    int,
    BeforeValidator(_memory),
    WithJsonSchema(BYTES_SCHEMA),
]
"""Bytes: a text such as "2GB" or "1.5 GiB"."""

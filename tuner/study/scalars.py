"""Reading single values of a study file: whole numbers, numbers, texts, durations.

Each reader gives the value, or None after it has noted what is wrong.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from tuner.study.problems import Problems, dotted

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
_SECONDS = (86_400, 3_600, 60, 1)
LONGEST_S = 366 * 86_400


def is_number(value: object) -> bool:
    """Whether `value` is a finite number; true and false are not numbers here."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def is_whole(value: object) -> bool:
    """Whether `value` is a finite number without a fraction."""
    return is_number(value) and value == int(value)  # type: ignore[call-overload, no-any-return]


def read_whole(table: Mapping[str, Any], prefix: str, key: str, low: int, high: int, problems: Problems) -> int | None:
    """The whole number `table[key]` in `[low, high]`; None where it is absent or wrong."""
    if key not in table:
        return None
    value = table[key]
    if is_whole(value) and low <= value <= high:
        return int(value)
    problems.add(
        dotted(prefix, key),
        "must be a whole number" if not is_whole(value) else f"must lie in {low} … {high}",
        value,
        allowed=f"a whole number from {low} to {high}",
        next_step=f"Write a whole number, as in {key} = {max(low, min(high, 10))}, or leave the key out.",
    )
    return None


def read_number(table: Mapping[str, Any], prefix: str, key: str, problems: Problems) -> float | None:
    """The finite number `table[key]`; None where it is absent or wrong."""
    if key not in table:
        return None
    value = table[key]
    if is_number(value):
        return float(value)
    problems.add(
        dotted(prefix, key),
        "must be a finite number",
        value,
        allowed="a number; not nan or inf",
        next_step="Write a number without quotes, or leave the key out.",
    )
    return None


LEAST_MEMORY, MOST_MEMORY = 64 * 10**6, 10**15
_BYTES = {"mb": 10**6, "gb": 10**9, "tb": 10**12, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_MEMORY = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*([MGT]i?B)", re.IGNORECASE)


def read_duration(table: Mapping[str, Any], prefix: str, key: str, problems: Problems) -> float | None:
    """The duration `table[key]` in seconds: a number of seconds, or a text such as "1h30m"; None if absent or wrong."""
    if key not in table:
        return None
    value = table[key]
    seconds = float(value) if is_number(value) else duration_s(value) if isinstance(value, str) else None
    if seconds is not None and 0 < seconds <= LONGEST_S:
        return seconds
    problems.add(
        dotted(prefix, key),
        "must be a duration" if seconds is None else "must be longer than 0 and at most 366 days",
        value,
        allowed='seconds as a number, or a text such as "90s", "10m", "1h30m", "2d"',
        next_step=f'Write for example {key} = "10m".',
    )
    return None


def read_bytes(table: Mapping[str, Any], prefix: str, key: str, problems: Problems) -> int | None:
    """The memory `table[key]` in bytes: a text such as "2GB" or "1.5 GiB"; None where it is absent or wrong."""
    if key not in table:
        return None
    found = _MEMORY.fullmatch(table[key].strip()) if isinstance(table[key], str) else None
    count = 0 if found is None else int(float(found[1]) * _BYTES[found[2].lower()])
    if LEAST_MEMORY <= count <= MOST_MEMORY:
        return count
    problems.add(
        dotted(prefix, key),
        "must be an amount of memory" if found is None else "must be at least 64 MB and at most 1,000 TB",
        table[key],
        allowed='a text such as "800MB", "2GB", "1.5GiB"',
        next_step=f'Write for example {key} = "2GB".',
    )
    return None


def duration_s(text: str) -> float | None:
    """The seconds of "2d", "1h30m", "10m", "90s"; a text of digits is seconds; None where it is none of these."""
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


def read_text(table: Mapping[str, Any], prefix: str, key: str, problems: Problems, example: str) -> str | None:
    """The text `table[key]`; None where it is absent or wrong."""
    if key not in table:
        return None
    value = table[key]
    if isinstance(value, str) and value.strip():
        return value
    problems.add(
        dotted(prefix, key),
        "must be a text",
        value,
        allowed="a text in quotes",
        next_step=f'Write for example {key} = "{example}".',
    )
    return None


def read_bool(table: Mapping[str, Any], prefix: str, key: str, problems: Problems) -> bool | None:
    """`table[key]` as true or false; None where it is absent or wrong."""
    if key not in table:
        return None
    value = table[key]
    if isinstance(value, bool):
        return value
    problems.add(
        dotted(prefix, key),
        "must be true or false",
        value,
        allowed="true, false",
        next_step="Write true or false without quotes.",
    )
    return None


def read_table(content: Mapping[str, Any], key: str, problems: Problems, example: str) -> Mapping[str, Any] | None:
    """The section `[key]`, empty where it is absent; None where it is no table."""
    value = content.get(key, {})
    if isinstance(value, Mapping):
        return value
    problems.add(
        key,
        "must be a section",
        value,
        allowed=f"a section [{key}]",
        next_step=f"Write [{key}] and below it {example}.",
    )
    return None

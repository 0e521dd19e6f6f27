"""Format numbers, durations and lists for people."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

EXPONENT_FROM = 1e7
"""Numbers below are written without an exponent."""
_NUMBER = re.compile(r"0x[0-9a-f]+|\d[\d,]*(\.\d+)?(e[-+]?\d+)?", re.IGNORECASE)


def significant(value: float, digits: int = 5) -> str:
    """Format a number with so many significant digits; below ten million those before the point are all shown."""
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e+" in text and abs(value) < EXPONENT_FROM else text


def value_text(value: Any) -> str:
    """Format floats with five significant digits, everything else with `str`."""
    return significant(value) if isinstance(value, float) else str(value)


def number(value: Any) -> str:
    """Format floats with five significant digits, whole numbers with commas, None as a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return significant(value) if isinstance(value, float) else f"{value:,}"


def spread_text(values: Sequence[float]) -> str:
    """Describe the objectives of the trainings of one trial: "mean of 3 trainings, 0.91 to 0.94, …"."""
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    low, high, spread = (value_text(float(one)) for one in (min(values), max(values), deviation))
    return f"mean of {count(len(values), 'training')}, {low} to {high}, standard deviation {spread}"


def percent(share: float | None) -> str:
    """Format a share in percent, without decimals."""
    return "–" if share is None else f"{100 * share:.0f} %"


def duration(seconds: float | None) -> str:
    """Format a duration: "4.2 s", "1 min 05 s", "2 h 03 min"."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def count(many: int, one: str, several: str | None = None) -> str:
    """Count things: "1 trial", "1,000 trials"."""
    return f"{many:,} {one if many == 1 else several or one + 's'}"


def without_numbers(text: str) -> str:
    """Put # in place of each number and address: texts that differ only in these become the same."""
    return _NUMBER.sub("#", text)


def listed_counts(counts: Mapping[str, int]) -> str:
    """List the counts that are not 0: "12 healthy, 3 saturated"."""
    return ", ".join(f"{many} {name}" for name, many in counts.items() if many)


def named_counts(counts: Mapping[str, int]) -> str:
    """List what was counted, with the counts that are not 0: "healthy (12), dead units (1)"."""
    return ", ".join(f"{name} ({many:,})" for name, many in counts.items() if many)


def listed_first(names: Sequence[str], limit: int) -> str:
    """List the first names, and count the others: "a, b and 7 more"."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def listed(names: Sequence[str]) -> str:
    """List names in a sentence: "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def with_article(noun: str) -> str:
    """Put "a" or "an" in front of a noun; one that begins with u is taken to sound like "unit".

    Initials are read as letters, as in "an RMSprop", and so is the first letter of "ndarray".
    """
    spelled = noun[:2].isupper() and noun[0] in "FHLMNRSX" or noun.startswith("nd")
    return f"{'an' if spelled or noun[0].lower() in 'aeio' else 'a'} {noun}"


def install_text(extra: str) -> str:
    """Say how an extra of this package is installed: it is on no package index."""
    return f"pip install '.[{extra}]' in the checkout of keras-studies"


def size_text(weights: int, multiply_adds: int | None) -> str:
    """Describe the size of a network: "50,826 weights (203 kB), 50,560 multiply-adds a row"."""
    kilobytes = 4 * weights / 1000
    stored = f"{kilobytes / 1000:.3g} MB" if kilobytes >= 1000 else f"{kilobytes:.3g} kB"
    products = "" if multiply_adds is None else f", {count(multiply_adds, 'multiply-add')} a row"
    return f"{count(weights, 'weight')} ({stored}){products}"

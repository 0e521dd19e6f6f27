"""Numbers as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def duration_text(seconds: float) -> str:
    """A duration: "4.2 s", "1 min 05 s", "2 h 03 min"."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def counts_text(counts: Mapping[str, int]) -> str:
    """Counts by name: "12 healthy, 3 saturated"."""
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def param_text(name: str, value: Any) -> str:
    """Return the value of a dimension as a person writes it."""
    from tuner.catalog import written_value

    return number_text(written_value(name, value))


def number_text(value: Any) -> str:
    """A value: floats with five digits that count, everything else as it is."""
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    return f"{value:.5g}"

"""A finding: a verdict on a training with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

HEALTHY = "healthy"
VERDICTS = (
    "diverged",
    "exploding",
    "dead units",
    "saturated",
    "vanishing",
    "no progress",
    "overfitting",
    HEALTHY,
)
"""Every verdict, causes before effects: dead units let gradients vanish, and vanishing ones stop progress."""


@dataclass(frozen=True)
class Finding:
    """One verdict on a training.

    Attributes:
        verdict: One of `VERDICTS`.
        text: A sentence for the user: evidence, layer, threshold, remedy.
        layer: Keras name of the layer; None if it concerns the whole network.
        epoch: Epoch of the value, from 1; 0 for the initial weights.
        value: The measured value, or None for a verdict without one.
        threshold: Its limit, or None if it only had to be finite.
        fold: Index of the split.
    """

    verdict: str
    text: str
    layer: str | None
    epoch: int
    value: float | None
    threshold: float | None
    fold: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the finding as plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Finding:
        """Restore a finding from `to_json`."""
        return cls(**content)

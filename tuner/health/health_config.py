"""What a study wants to know of the health of its trials."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class HealthOptions:
    """The section `[health]`.

    Attributes:
        measure: Whether layers are measured; without it only numbers that are not finite are found.
        stop: Verdicts that end a trial, and make it a bad one for the sampler.
    """

    measure: bool = True
    stop: tuple[str, ...] = ("diverged",)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {**asdict(self), "stop": list(self.stop)}

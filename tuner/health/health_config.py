"""The options of `[health]`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class HealthOptions:
    """The section `[health]`.

    Attributes:
        measure: Probe the layers; if not, only numbers that are not finite are detected.
        stop: Verdicts that end a trial, and make it a bad one for the sampler.
    """

    measure: bool = True
    stop: tuple[str, ...] = ("diverged",)

    def to_json(self) -> dict[str, Any]:
        """Return the options as plain JSON."""
        return {**asdict(self), "stop": list(self.stop)}

"""Every setting of a finite space."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.search.samplers.base import SamplerEntry, refuse
from tuner.space import Float, Space

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


GRID_LIMIT = 100_000
"""Most settings a grid may have; they are all held in memory (about 100 MB for 13 dimensions)."""


def build(seed: int, space: Space, trials: int | None) -> BaseSampler:
    """Make the sampler; see `SamplerEntry`."""
    from tuner.search.samplers.grid_sampler import GridSampler

    refuse(_incompatible_because(space, trials))
    return GridSampler(space, seed)


def _incompatible_because(space: Space, trials: int | None) -> str | None:
    endless = [d for d in space if isinstance(d.parameter, Float) and d.parameter.size == float("inf")]
    if endless:
        names = ", ".join(f"{d.name} ({d.parameter})" for d in endless)
        return f"a grid needs a finite space, but these dimensions are continuous: {names}; give them a step or a list"
    if space.size > GRID_LIMIT:
        return f"a grid may have {GRID_LIMIT:,} settings at most, but this space has more; shorten the lists"
    return None


def _advice(space: Space, trials: int | None) -> str | None:
    if trials is None or space.size <= trials:
        return None
    return f"the grid has {space.size:,} settings and only {trials} trials are planned: a random part of it is tried"


GRID = SamplerEntry(
    "grid",
    "every setting of a finite space once, in shuffled order; respects conditions",
    "optuna.samplers.GridSampler, which does not support conditions",
    build,
    independent=True,
    optuna_class="GridSampler",
    incompatible_because=_incompatible_because,
    advice=_advice,
)

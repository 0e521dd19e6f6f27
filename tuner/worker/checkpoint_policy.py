"""Interval of checkpoints: long enough that their cost is bounded, whatever the size of the model."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from tuner.catalog import Recipe
from tuner.engines import Checkpoint
from tuner.errors import CheckpointError
from tuner.protocol import MAX_CHECKPOINT_BYTES, CheckpointSaved, CheckpointSkipped

MAX_TIME_SHARE = 0.02
"""Maximum share of a trial's time that its checkpoints may take."""


class CheckpointPolicy:
    """Makes the checkpoints of one trial (a `CheckpointHook`).

    Args:
        number: Number of the trial.
        recipe: Its recipe.
        every_s: Minimum time between two checkpoints, in seconds; None for no checkpoints.
        spent_s: Time that earlier workers have spent on the trial, in seconds.
        tell: Called with each event.
    """

    def __init__(
        self,
        number: int,
        recipe: Recipe,
        every_s: float | None,
        spent_s: float,
        tell: Callable[[CheckpointSaved | CheckpointSkipped], None],
    ) -> None:
        self._number, self._recipe, self._tell = number, recipe, tell
        self._began = time.monotonic() - spent_s
        self._every_s = math.inf if every_s is None else every_s
        self._next = time.monotonic() + self._every_s
        self._impossible = False

    def __call__(self, make: Callable[[], Checkpoint]) -> None:
        """Make a checkpoint if it is due; what cannot have one is asked once."""
        began = time.monotonic()
        if self._impossible or began < self._next:
            return
        try:
            checkpoint = make()
            content = checkpoint.to_bytes(self._recipe)
            if len(content) > MAX_CHECKPOINT_BYTES:
                size, most = len(content) / 1e6, MAX_CHECKPOINT_BYTES / 1e6
                raise CheckpointError(f"its checkpoint takes {size:.0f} MB, more than {most:.0f} MB")
        except CheckpointError as error:
            self._impossible = True
            self._tell(CheckpointSkipped(self._number, str(error)))
        else:
            self._tell(CheckpointSaved(self._number, checkpoint.fold, checkpoint.epoch, began - self._began, content))
        now = time.monotonic()
        self._next = now + max(self._every_s, (now - began) / MAX_TIME_SHARE)

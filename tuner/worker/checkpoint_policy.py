"""When a worker makes a checkpoint: seldom enough to cost next to nothing, whatever the size of the model."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from tuner.catalog import Recipe
from tuner.engines import Checkpoint
from tuner.protocol import MAX_CHECKPOINT_BYTES, CheckpointSaved, CheckpointSkipped

MAX_TIME_SHARE = 0.02
"""Of the time of a trial, so much may be spent on its checkpoints."""


class CheckpointPolicy:
    """Makes the checkpoints of one trial (see `tuner.engines.Keep`).

    Args:
        number: Of the trial.
        recipe: Of the trial.
        every_s: Time between two checkpoints at least, in seconds; None where none are wanted.
        spent_s: Time that earlier workers have spent on the trial, in seconds.
        tell: Told of each.
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
        self._too_large = False

    def __call__(self, make: Callable[[], Checkpoint]) -> None:
        """Make one, where it is time for it."""
        began = time.monotonic()
        if self._too_large or began < self._next:
            return
        checkpoint = make()
        content = checkpoint.to_bytes(self._recipe)
        self._too_large = len(content) > MAX_CHECKPOINT_BYTES
        if self._too_large:
            size, most = len(content) / 1e6, MAX_CHECKPOINT_BYTES / 1e6
            self._tell(
                CheckpointSkipped(self._number, f"its checkpoint has {size:.0f} MB, and {most:.0f} MB is the most")
            )
        else:
            self._tell(CheckpointSaved(self._number, checkpoint.fold, checkpoint.epoch, began - self._began, content))
        now = time.monotonic()
        self._next = now + max(self._every_s, (now - began) / MAX_TIME_SHARE)

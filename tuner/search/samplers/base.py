"""The entry of a sampler; imported without Optuna."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from tuner.catalog import Entry, Option
from tuner.errors import UsageError
from tuner.space import Fixed, Int, Space

FailureEncoding = Literal["feasibility", "values", "nothing"]
"""Input of a sampler: pruned trials and constraints, the values of complete trials only, or no trials."""


def _no_reason(space: Space, trials: int | None) -> str | None:
    return None


@dataclass(frozen=True)
class SamplerEntry(Entry):
    """A sampler.

    `build(seed, space, trials, **options)` returns an `optuna.samplers.BaseSampler`; `trials` is how many trials are
    planned, or None if the budget does not say.  It raises `UsageError` with the reason of `incompatible_because`.

    Attributes:
        optuna_class: Name of the Optuna class it is, or is derived from.
        independent: Whether it proposes without regard to the values of earlier trials, so that tests which need
            independent samples hold.
        failure_encoding: What it reads of finished trials, and so how a diverged one is told: see `outcomes.tell`.
        incompatible_because: `(space, trials)` → why it cannot be used, or None.
        advice: `(space, trials)` → why another one would do better, or None.
    """

    independent: bool = field(kw_only=True)
    optuna_class: str = ""
    failure_encoding: FailureEncoding = "nothing"
    incompatible_because: Callable[[Space, int | None], str | None] = _no_reason
    advice: Callable[[Space, int | None], str | None] = _no_reason


def refuse(reason: str | None) -> None:
    """Raise `UsageError` with a reason, if there is one."""
    if reason is not None:
        raise UsageError(f"This sampler cannot be used: {reason}.")


STARTUP = Option("n_startup_trials", 10, Fixed(10), Int(1, 10_000), "trials drawn at random before the model is used")

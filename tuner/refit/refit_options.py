"""What the user asks of `tuner train`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tuner.errors import UsageError

TOP, SEEDS = 3, 5


@dataclass(frozen=True)
class RefitOptions:
    """The options of `tuner train`.

    Attributes:
        file: Where the model is saved.
        top: How many of the leading recipes are trained again; None for `TOP`.
        trials: Numbers of the trials whose recipes are trained again; None for the leading ones.
        seeds: With how many seeds each; two at least.
        seed: What they are made from; None for the study's.
        force: Whether a file that is there is written over.
        code: Code of the project that the user names, besides that in study files of the project.
        single: Whether one network is saved, not the ensemble of the seeds.
        save_anyway: Whether the best candidate is saved if there is no winner.

    Raises:
        UsageError: A number is too small, or `trials` is empty or given together with `top`.
    """

    file: Path
    top: int | None = None
    trials: tuple[int, ...] | None = None
    seeds: int = SEEDS
    seed: int | None = None
    force: bool = False
    code: tuple[str, ...] = ()
    single: bool = False
    save_anyway: bool = False

    def __post_init__(self) -> None:
        if self.trials == ():
            raise UsageError("`trials` must name a trial, but it is empty. Leave it out for the leading recipes.")
        if self.top is not None and self.trials is not None:
            raise UsageError("Give `top`, for the leading recipes, or `trials`, for those of your choice: not both.")
        for option, value, least in (("top", self.top, 1), ("seeds", self.seeds, 2)):
            if value is not None and value < least:
                raise UsageError(f"`{option} >= {least}` must hold, but got {value}.")

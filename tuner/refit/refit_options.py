"""What the user asks of `tuner train`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

TOP, SEEDS = 3, 5


@dataclass(frozen=True)
class RefitOptions:
    """The options of `tuner train`.

    Attributes:
        file: Where the model is saved.
        top: How many of the leading recipes are trained again.
        trials: Numbers of the trials whose recipes are trained again; the leading ones if empty.
        seeds: With how many seeds each; two at least.
        seed: What they are made from; None for the study's.
        force: Whether a file that is there is written over.
        code: Code of the project that the user names, besides that in study files of the project.
        single: Whether one network is saved, not the ensemble of the seeds.
        save_anyway: Whether the best candidate is saved if there is no winner.
    """

    file: Path
    top: int = TOP
    trials: tuple[int, ...] = ()
    seeds: int = SEEDS
    seed: int | None = None
    force: bool = False
    code: tuple[str, ...] = ()
    single: bool = False
    save_anyway: bool = False

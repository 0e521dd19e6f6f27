"""Settings of a study's trainings: what a worker needs besides recipe and data."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tuner.engines import NO_NETWORK_LIMITS, NetworkLimits
from tuner.errors import UsageError
from tuner.health import HealthOptions
from tuner.study.problems import Problems, TooManyProblemsError
from tuner.study.section_validation import read_sections
from tuner.study.study_file_sections import Budget, StudyFile

_KEYS = ("engine", "seed", "budget", "health", "limits")


@dataclass(frozen=True)
class Execution:
    """Settings that the trials of a search share with the trainings of `tuner train`.

    Attributes:
        engine: Name of the engine.
        seed: Seed of the splits.
        budget: Its limits of one trial apply.
        health: Measurements of training health, and the verdicts that end a training.
        network_limits: What the network of a trial may cost, and the model that is saved.
    """

    engine: str
    seed: int
    budget: Budget
    health: HealthOptions
    network_limits: NetworkLimits = NO_NETWORK_LIMITS


def read_execution(source: Mapping[str, Any], study: str) -> Execution:
    """Read the settings from the content of a study file in a database.

    Args:
        source: The content; absent keys have their defaults.
        study: Name of the study, for messages.

    Raises:
        UsageError: The content was not written by `tuner run`.
    """
    problems = Problems()
    with suppress(TooManyProblemsError):
        file = read_sections(StudyFile, {key: source[key] for key in _KEYS if key in source}, problems)
    if problems.found:
        first = problems.found[0]
        raise UsageError(
            f"The database must hold {study!r} as `tuner run` wrote it, but {first.key} cannot be read: "
            f"{first.rule}, given {first.given}. Run the study file again, or under another name."
        )
    return Execution(file.engine, file.seed, file.budget, file.health.options, file.limits.limits)

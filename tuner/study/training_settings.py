"""How the trainings of a study are carried out: what a worker is told besides recipe and data."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tuner.errors import UsageError
from tuner.health import HealthOptions
from tuner.study.problems import Problems, TooManyProblemsError
from tuner.study.section_base import read_sections
from tuner.study.study_file_model import Budget, StudyFile

_KEYS = ("engine", "seed", "budget", "health")


@dataclass(frozen=True)
class Execution:
    """A part of a study, the same for the trials of its search and for the trainings of `tuner train`.

    Attributes:
        engine: Row of the table of engines.
        seed: Of the splits.
        budget: Of it, what one trial may use.
        health: What is measured of the health of a training, and what ends it.
    """

    engine: str
    seed: int
    budget: Budget
    health: HealthOptions


def read_execution(source: Mapping[str, Any], study: str) -> Execution:
    """Read it from the content of a study file that a database holds.

    Args:
        source: The content; what is absent has its default.
        study: Name of the study, for messages.

    Raises:
        UsageError: The content is none that `tuner run` has written.
    """
    problems = Problems()
    with suppress(TooManyProblemsError):
        file = read_sections(StudyFile, {key: source[key] for key in _KEYS if key in source}, problems)
    if problems.found:
        first = problems.found[0]
        raise UsageError(
            f"The database must hold {study!r} as `tuner run` has written it, but {first.key} there cannot be read: "
            f"{first.rule}, given {first.given}. Run the study file once more, or under another name."
        )
    return Execution(file.engine, file.seed, file.budget, file.health.options)

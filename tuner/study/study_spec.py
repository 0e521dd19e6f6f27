"""The validated content of a study file, with defaults filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tuner.catalog import Choice, Objective, TrainingLength
from tuner.data import DataFacts, DataOptions, Folds, PreparedData
from tuner.engines import NO_NETWORK_LIMITS, NetworkLimits
from tuner.health import HealthOptions
from tuner.space import Space, Value
from tuner.study.study_file_sections import Budget, Resources
from tuner.study.user_objects import UserObjects
from tuner.user_code import Reference

_MOST_SETTINGS = 10**15


@dataclass(frozen=True)
class StudySpec:
    """A validated study.

    Attributes:
        name: Name in the storage.
        file: The study file as the user named it, for messages.
        project: Folder that references and data paths are relative to.
        model: Model file and function.
        model_sha256: Hash of the model file.
        helpers: Path → hash of each file of the project that it imports, and that these import; and of each `.keras`
            file that a keyword of the model names.
        head: "auto", "model", or the name of an output activation.
        data: The `[data]` section.
        facts: Facts of the loaded data.
        metric, direction: The objective; "maximize" or "minimize".
        metric_keys: What `[objective]` says of a user-defined metric, besides its name.
        space: All dimensions, the fixed ones included.
        budget: Limits of the search.
        length: Length of each training, and which epoch gives its model.
        sampler, pruner: Rows of the tables of `search`, with options.
        initial_points: Whether the first trials are known good settings.
        older: Studies whose best settings are trained first, too: names, study files, or `DATABASE:NAME`.
        own_points: Settings that the user wants tried first: values by dimension, those left out are the sampler's.
        health: Measurements of training health, and the verdicts that end a trial.
        limits: What the network of a trial may cost.
        engine: Row of the table of engines, or "auto".
        workers: Worker processes; None for one per core.
        seed: Seed of all random numbers.
        resources: Resources of one worker on a cluster.
        source: Content of the study file, as plain JSON.
        advice: What is allowed but unwise, one sentence each.
        prepared: The rows, until an executor has them.
        user_objects: Losses, metrics and the like that are user code.
        tracking: Tracker → where it writes finished trials.
        notify: Command that is run when a run ends, or None.
    """

    name: str
    file: str
    project: Path
    model: Reference
    model_sha256: str
    head: str
    data: DataOptions
    facts: DataFacts
    metric: str
    direction: str
    space: Space
    budget: Budget
    length: TrainingLength
    sampler: Choice
    pruner: Choice
    initial_points: bool
    engine: str
    workers: int | None
    seed: int
    source: dict[str, Any]
    own_points: tuple[Mapping[str, Value], ...] = ()
    older: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    health: HealthOptions = HealthOptions()
    limits: NetworkLimits = NO_NETWORK_LIMITS
    resources: Resources = Resources()
    helpers: Mapping[str, str] = field(default_factory=dict)
    prepared: PreparedData | None = field(default=None, compare=False, repr=False)
    user_objects: UserObjects = UserObjects()
    metric_keys: Mapping[str, Any] = field(default_factory=dict)
    tracking: Mapping[str, str] = field(default_factory=dict)
    notify: str | None = None

    @property
    def objective(self) -> Objective:
        """The metric with its direction."""
        return Objective(self.metric, self.direction)

    @property
    def folds(self) -> int | None:
        """Folds of the validation; None for a hold-out."""
        return self.data.validation.folds if isinstance(self.data.validation, Folds) else None

    @property
    def settings(self) -> int | None:
        """Number of settings in the space; None if there are infinitely many, or more than 10^15."""
        return int(self.space.size) if self.space.size <= _MOST_SETTINGS else None

    @property
    def trainings(self) -> int:
        """Number of trainings of a whole trial: one on each fold, with each of the seeds."""
        return (self.folds or 1) * self.budget.repeats

    @property
    def steps(self) -> int:
        """Number of steps of a whole trial for the pruner; see `total_steps`."""
        return total_steps(self.data, self.length.epochs, self.budget.repeats)[0]


def total_steps(data: DataOptions, epochs: int, repeats: int) -> tuple[int, Literal["epochs", "folds", "trainings"]]:
    """Return the number of steps of a whole trial for the pruner, and their unit.

    They are trainings if a trial has several: folds in cross-validation, repeats with different seeds.
    """
    folds = data.validation.folds if isinstance(data.validation, Folds) else 1
    if folds * repeats == 1:
        return epochs, "epochs"
    return folds * repeats, "folds" if repeats == 1 else "trainings"

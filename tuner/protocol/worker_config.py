"""Configuration of a worker."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from tuner.data import DataFacts
from tuner.engines import NO_NETWORK_LIMITS, NetworkLimits
from tuner.health import HealthOptions
from tuner.protocol.trial_limits import Limits

if TYPE_CHECKING:
    from tuner.study import Execution

CHECKPOINT_EVERY_S = 2.0
"""Minimum time between two checkpoints of a trial; a shorter trial has none."""


@dataclass(frozen=True)
class WorkerConfig:
    """Configuration that all trials of a study share; a worker reads it once.

    Attributes:
        project: Folder that references and data paths are relative to.
        engine: Name of the engine.
        data: The `[data]` section, as JSON.
        data_sha256: Hash of the data that the study was started with.
        input_shape: Shape of one row, without the batch axis.
        seed: Of the splits.
        health: What is measured of the health of a training, and what ends it.
        checkpoint_s: Minimum time between two checkpoints of a trial, in seconds; None for no checkpoints.
        trainings: Expected number of trainings that share a program (`tuner.study.program_sharing_estimate`).
        repeats: Trainings of a trial on each split, with different seeds.
        limits: What a trial may use.
        network_limits: What its network may cost.
        prepared: File of the prepared rows on this machine (`tuner.data.save_prepared`); None if workers read them.
    """

    project: Path
    engine: str
    data: Mapping[str, Any]
    data_sha256: str
    input_shape: tuple[int, ...]
    seed: int
    health: HealthOptions = HealthOptions()
    checkpoint_s: float | None = None
    trainings: float = 1.0
    repeats: int = 1
    limits: Limits = Limits()
    network_limits: NetworkLimits = NO_NETWORK_LIMITS
    prepared: Path | None = None

    @classmethod
    def for_study(
        cls, project: Path, data: Mapping[str, Any], facts: DataFacts, execution: Execution, trainings: float = 1.0
    ) -> WorkerConfig:
        """Make the configuration of every worker of a study, whatever it trains.

        Args:
            project: Folder that references and data paths are relative to.
            data: The `[data]` section, as JSON.
            facts: Hash and shape of the data.
            execution: How the study trains.
            trainings: See the attribute.
        """
        budget = execution.budget
        return cls(
            project=project,
            engine=execution.engine,
            data=data,
            data_sha256=facts.sha256,
            input_shape=facts.input_shape,
            seed=execution.seed,
            health=execution.health,
            checkpoint_s=CHECKPOINT_EVERY_S if budget.checkpoint else None,
            trainings=trainings,
            repeats=budget.repeats,
            limits=Limits(budget.trial_time_s, budget.memory_bytes),
            network_limits=execution.network_limits,
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        content: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> WorkerConfig:
        """Read the JSON of `to_json`."""
        return _adapter().validate_python(content)


@functools.cache
def _adapter() -> TypeAdapter[WorkerConfig]:
    return TypeAdapter(WorkerConfig)

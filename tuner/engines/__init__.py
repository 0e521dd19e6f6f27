"""How one trial is trained.  The table names the engines; what needs Keras is imported when one is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tuner.engines.base import Decide, Engine, EpochRecord, State, StepTimes, Training
from tuner.engines.checkpoint import Checkpoint
from tuner.engines.trial import Keep, OnEpoch, run_trial
from tuner.registry import Table

if TYPE_CHECKING:
    from tuner.engines.keras_settings import KERAS_SETTINGS, Setting, Snapshot

__all__ = [
    "ENGINES",
    "KERAS_SETTINGS",
    "Checkpoint",
    "Decide",
    "Engine",
    "EngineRow",
    "EpochRecord",
    "Keep",
    "OnEpoch",
    "Setting",
    "Snapshot",
    "State",
    "StepTimes",
    "Training",
    "run_trial",
]


def __getattr__(name: str) -> Any:
    if name not in ("KERAS_SETTINGS", "Setting", "Snapshot"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tuner.engines import keras_settings

    return getattr(keras_settings, name)


@dataclass(frozen=True)
class EngineRow:
    """An engine by name.

    Attributes:
        make: Imports what it needs; told how many trainings of one kind a study may have (1 where nothing is said).
        order: Whose generator puts the rows of an epoch in order: Keras's, or NumPy's with the seed of the recipe.
    """

    name: str
    summary: str
    make: Callable[..., Engine]
    order: Literal["keras", "numpy"]


def _auto(trainings: float = 1.0) -> Engine:
    from tuner.engines.auto import AutoEngine

    return AutoEngine(trainings)


def _fit(trainings: float = 1.0) -> Engine:
    from tuner.engines.fit import FitEngine

    return FitEngine()


def _compiled(trainings: float = 1.0) -> Engine:
    from tuner.engines.compiled import CompiledEngine

    return CompiledEngine(trainings)


ENGINES: Table[EngineRow] = Table(
    "engine",
    EngineRow(
        "auto", "compiled where it can train the recipe, else fit; seen in the worker for each model", _auto, "numpy"
    ),
    EngineRow(
        "fit", "plain model.fit with callbacks: works for everything, and is the oracle of faster ones", _fit, "keras"
    ),
    EngineRow(
        "compiled",
        "programs that trials share, called for each step or each epoch; equal to fit; not for every model",
        _compiled,
        "numpy",
    ),
)

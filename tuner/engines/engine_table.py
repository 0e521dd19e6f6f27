"""The table of engines; Keras is imported when one is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tuner.engines.base import Engine
from tuner.registry import Registry


@dataclass(frozen=True)
class EngineEntry:
    """An entry of the table of engines.

    Attributes:
        make: Imports and makes the engine, given the number of trainings of one kind in the study (default 1).
        trains_standard: Whether it takes the steps itself.
        trains_own: Whether it calls training loops of the user.
        order: The generator that shuffles the rows of an epoch: Keras's, or NumPy's with the seed of the recipe.
    """

    name: str
    summary: str
    make: Callable[..., Engine]
    order: Literal["keras", "numpy"]
    trains_standard: bool = True
    trains_own: bool = False


def _auto(trainings: float = 1.0) -> Engine:
    from tuner.engines.auto import AutoEngine

    return AutoEngine(trainings)


def _fit(trainings: float = 1.0) -> Engine:
    from tuner.engines.fit import FitEngine

    return FitEngine()


def _compiled(trainings: float = 1.0) -> Engine:
    from tuner.engines.compiled.engine import CompiledEngine

    return CompiledEngine(trainings)


def _own_loop(trainings: float = 1.0) -> Engine:
    from tuner.engines.own_loop import OwnLoopEngine

    return OwnLoopEngine()


ENGINES: Registry[EngineEntry] = Registry(
    "engine",
    EngineEntry(
        "auto",
        "compiled if it can train the recipe, else fit; decided in the worker for each model",
        _auto,
        "numpy",
        trains_own=True,
    ),
    EngineEntry(
        "fit", "plain model.fit with callbacks: trains every model; the reference for faster engines", _fit, "keras"
    ),
    EngineEntry(
        "compiled",
        "graph functions that trials share, called for each step or epoch; same results as fit; not for every model",
        _compiled,
        "numpy",
    ),
    EngineEntry(
        "own_loop",
        "your own training loop (search.loop), called once per training; auto uses it if there is one",
        _own_loop,
        "keras",
        trains_standard=False,
        trains_own=True,
    ),
)

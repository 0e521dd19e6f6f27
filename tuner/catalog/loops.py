"""The training loops: that of the engine, and those that are user code."""

from __future__ import annotations

from tuner.catalog.entries import LoopEntry
from tuner.registry import Registry

LOOPS: Registry[LoopEntry] = Registry(
    "loop",
    LoopEntry(
        "standard",
        "the steps of Keras's fit, taken by the engine of the study",
        "https://keras.io/api/models/model_training_apis/",
        lambda: None,
        by_engine=True,
    ),
)

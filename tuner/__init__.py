"""Hyperparameter tuning for Keras models, on Optuna."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuner.api import best, load, open, predict, run, train
    from tuner.catalog import BuildableRecipe
    from tuner.study_handle import StudyHandle

__version__ = "0.1.0"

__all__ = ["BuildableRecipe", "StudyHandle", "best", "load", "open", "predict", "run", "train"]

_HOME = {
    **dict.fromkeys(__all__, "tuner.api"),
    "BuildableRecipe": "tuner.catalog",
    "StudyHandle": "tuner.study_handle",
}


def __getattr__(name: str) -> Any:
    """Import the API on first use: `tuner --help` must not wait for Optuna."""
    if name not in _HOME:
        raise AttributeError(f"module 'tuner' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOME[name]), name)

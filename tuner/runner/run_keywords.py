"""Refuse unknown keyword arguments with what exists instead."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from tuner.errors import UsageError, nearest

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

_INSTEAD = {
    "batch_size": 'search={"batch_size": 64}',
    "callbacks": 'a training loop of your own, as in search={"loop": "loop.py:train"}, or `show` for the progress',
    "direction": 'objective={"metric": ..., "direction": "minimize"}',
    "directory": "`project`",
    "executions_per_trial": 'budget={"repeats": 3}',
    "max_trials": "`trials`",
    "n_jobs": "`workers`",
    "n_trials": "`trials`",
    "overwrite": "`restart`",
    "project_name": "`name`",
    "study_name": "`name`",
    "timeout": "`time_s`",
    "validation_data": 'data={"source": (x, y), "validation": (x, y)}',
    "validation_split": 'data={"source": (x, y), "validation": 0.2}',
    "verbose": "`progress`",
    "x": "data=(x, y)",
    "y": "data=(x, y)",
}
"""What Keras and Optuna call it → what to write."""


def with_known_keywords(function: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """Wrap a function of the API, so that an unknown keyword is a `UsageError` that says what to write."""
    known = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def checked(*args: Arguments.args, **keywords: Arguments.kwargs) -> Answer:
        for name in keywords:
            if name not in known:
                raise UsageError(f"`tuner.{function.__name__}` has no keyword `{name}`. {_step(name, known)}")
        return function(*args, **keywords)

    return checked


def _step(name: str, known: list[str]) -> str:
    from tuner.catalog import DIMENSIONS

    if name in _INSTEAD:
        return f"Write {_INSTEAD[name]}."
    if name in DIMENSIONS:
        return f'It is a part of the search: write search={{"{name}": ...}}.'
    near = nearest(name, known)
    hint = f"Did you mean `{near}`? " if near else ""
    return f"{hint}Known: {', '.join(known)}."

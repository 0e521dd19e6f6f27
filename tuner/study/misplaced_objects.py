"""Refuse objects of a Python session under keys of `search` that take none, with where they belong."""

from __future__ import annotations

from typing import Any

from tuner.catalog import DIMENSIONS, ChoiceDimension
from tuner.errors import UsageError, nearest


def check_takes_objects(thing: Any, key: str) -> None:
    """Refuse a function, class or object of Keras for a key that takes none.

    Args:
        thing: It.
        key: Where it was given, as in "search.loss"; keys outside of `search` pass.

    Raises:
        UsageError: `search` has no such key, or its values are numbers.
    """
    section, _, rest = key.partition(".")
    name = rest.partition(".")[0]
    if section != "search" or not name or name == "model":
        return
    dimension = name.removesuffix("_options")
    known = DIMENSIONS.get(dimension)
    if isinstance(known, ChoiceDimension):
        return
    kind = thing if isinstance(thing, type) else type(thing)
    ancestors = {one.__name__ for one in kind.__mro__}
    given = thing.__name__ if hasattr(thing, "__name__") else kind.__name__
    rule = f"takes numbers, but got {given}" if known else "is no dimension"
    raise UsageError(f"`{section}.{name}` {rule}. {_step(name, ancestors, known is not None)}")


def _step(name: str, ancestors: set[str], exists: bool) -> str:
    """Return the next step for a key, given an object of classes with these names."""
    if "LearningRateSchedule" in ancestors:
        return 'For a schedule use the dimension `schedule`, as in search={"schedule": ["constant", "cosine"]}.'
    if name.startswith("callback") or "Callback" in ancestors:
        return (
            'Write a training loop of your own, as in search={"loop": "loop.py:train"}; to stop early, set '
            'budget={"stop": {"patience": 10}}.'
        )
    if exists:
        return f'Give a list of numbers, or a range, as in search={{"{name}": {{"low": ..., "high": ...}}}}.'
    near = nearest(name, [*DIMENSIONS, "model"])
    return f"{f'Did you mean {near}? ' if near else ''}Dimensions: {', '.join(DIMENSIONS)}, model."

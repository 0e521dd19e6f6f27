"""Values of `search` that were given in Python: what lists its values becomes a list."""

from __future__ import annotations

from collections import deque
from collections.abc import ItemsView, Iterator, KeysView, Mapping, Set, ValuesView
from pathlib import Path
from typing import Any

import numpy as np

from tuner.catalog import DIMENSIONS, ChoiceDimension
from tuner.errors import UsageError, shown
from tuner.study.search.parameter_syntax import MOST_CHOICES
from tuner.user_code import is_live


def with_lists(value: Any, key: str = "search") -> Any:
    """Convert tuples, ranges, views of dictionaries, arrays, tables' columns and tensors to lists.

    Functions, classes and objects of Keras stay as they are.

    Args:
        value: What was given.
        key: Where, for messages: "search.batch_size".

    Raises:
        UsageError: The value lists none, or lists them in no order; says what to write.
    """
    name = key.rpartition(".")[2]
    match value:
        case None | str() | bool() | int() | float() | np.generic() | Path():
            return value
        case Mapping():
            return {one: with_lists(item, f"{key}.{one}") for one, item in value.items()}
        case range() if len(value) > MOST_CHOICES:
            bounds = f'{{"low": {min(value)}, "high": {max(value)}, "step": {abs(value.step)}}}'
            rule = f"takes a list of at most {MOST_CHOICES:,} values, but {value} has {len(value):,}"
            raise UsageError(f"`{key}` {rule}. Write a range of numbers, {bounds}.")
        case list() | tuple() | range() | deque() | KeysView() | ValuesView():
            if any(item is None for item in value):
                raise UsageError(f"`{key}` lists values, but one of {shown(value)} is None. {_without_none(name)}")
            return [with_lists(item, key) for item in value]
        case Iterator():
            raise _refused(key, value, f'Put list(…) around it, as in {{"{name}": list(…)}}.')
        case ItemsView():
            raise _refused(key, value, f'Pairs are no values: write {{"{name}": list(….values())}} or list(….keys()).')
        case Set():
            raise _refused(key, value, f'A set has no order: write a list, as in {{"{name}": {_listed(value)}}}.')
    if is_live(value):
        return value
    if hasattr(type(value), "__array__"):
        array = np.asarray(value)
        return with_lists(list(array), key) if array.ndim else array[()]
    raise _refused(key, value, f'For several values write {{"{name}": […]}}, for a range {{"low": …, "high": …}}.')


def _refused(key: str, value: Any, step: str) -> UsageError:
    rule = "must be a string, a number or a boolean, a list of these, or a range"
    return UsageError(f"`{key}` {rule}, but got {shown(value)} of type {type(value).__name__}. {step}")


def _listed(values: Set[Any]) -> str:
    try:
        return shown(sorted(values))
    except TypeError:  # values of several types
        return "[…]"


def _without_none(name: str) -> str:
    dimension = DIMENSIONS.get(name)
    none = isinstance(dimension, ChoiceDimension) and "none" in dimension.table
    return f'Write "none", as in {{"{name}": ["none", …]}}.' if none else "Leave it out."

"""What to say of a value that no file can hold."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from types import FunctionType, MethodType
from typing import Any


def kinds(value: Any) -> Iterator[str]:
    """Yield the kinds of a value as texts, so that no package is imported: "keras.Model", "numpy.ndarray"."""
    for one in type(value).__mro__:
        yield f"{one.__module__.partition('.')[0]}.{one.__name__}"


def what_it_is(value: Any) -> str:
    """Say what a value is, as in "an open file"."""
    found = {*kinds(value)}
    for kind, words, _ in _KINDS:
        if kind in found:
            return words
    if isinstance(value, FunctionType):
        return "a lambda" if value.__name__ == "<lambda>" else f"the function {value.__qualname__}"
    if isinstance(value, MethodType):
        return f"a method of a {type(value.__self__).__name__}"
    if isinstance(value, functools.partial):
        return "a partial"
    if isinstance(value, str | bytes | list | tuple | dict | set):
        return f"a {type(value).__name__} that is long or holds more than plain values"
    return f"an object of the type {type(value).__name__}"


def advice(value: Any, name: str) -> str:
    """Say what to do instead."""
    found = {*kinds(value)}
    for kind, _, step in _KINDS:
        if kind in found:
            return step
    if isinstance(value, FunctionType):
        return f"Write it as def {name}(…)."
    if isinstance(value, MethodType):
        return "Write a function that makes the object itself." if name != "get_ipython" else _MAGIC
    if isinstance(value, functools.partial):
        return f"Write it as def {name}(…), with the arguments in it."
    if isinstance(value, random.Random):
        return "Make it inside the function."
    return (
        "Make it inside the function, or give it as a plain value: a number, string, true or false, or a list of them."
    )


_MAGIC = "Leave out the magic (%…) or shell command (!…) inside the function."
_INSIDE = "Make it inside the function."
_ROWS = "Give it as a column of the data, compute it inside the function, or save it in the project and load it there."
_SAVED = "Save it, as in model.save('body.keras'), and load it inside the function by that path."
_KINDS = (
    ("numpy.ndarray", "an array", _ROWS),
    ("numpy.generic", "a number of NumPy", "Make it a plain one: float(…) or int(…)."),
    ("pandas.DataFrame", "a pandas table", _ROWS),
    ("pandas.Series", "a pandas column", _ROWS),
    ("tensorflow.Tensor", "a tensor", _ROWS),
    ("tensorflow.DatasetV2", "a data set", _ROWS),
    ("keras.Model", "a Keras model", _SAVED),
    ("keras.Layer", "a Keras layer", "Make it inside the function, so that each trial has its own."),
    ("keras.Variable", "a Keras variable", "Make it inside the function, so that each trial has its own."),
    ("keras.Loss", "a Keras loss", _INSIDE),
    ("keras.Metric", "a Keras metric", _INSIDE),
    ("keras.Optimizer", "a Keras optimizer", _INSIDE),
    ("keras.SeedGenerator", "a generator of random numbers", _INSIDE),
    ("numpy.Generator", "a generator of random numbers", _INSIDE),
    ("numpy.RandomState", "a generator of random numbers", _INSIDE),
    ("io.IOBase", "an open file", "Open it inside the function."),
    ("_io._IOBase", "an open file", "Open it inside the function."),
    ("builtins.generator", "a generator", _INSIDE),
    ("pathlib.PurePath", "a path", "Convert it to a string: str(…)."),
)
"""Kind → what it is, and what to do instead."""

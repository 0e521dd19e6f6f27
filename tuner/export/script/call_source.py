"""Keras objects as the call that makes them."""

from __future__ import annotations

import inspect
from typing import Any

from tuner.export.script.literals import literal

_UNSAID = ("name", "dtype", "reduction", "seed")


def call_text(thing: Any, **override: Any) -> str:
    """Return the call that constructs a Keras object, with the arguments that differ from their defaults.

    Args:
        thing: An optimizer, a loss or an initializer of Keras, or a class of ours derived from one.
        **override: Arguments that are written with this value in any case.

    Returns:
        Python, such as `keras.optimizers.Adam(learning_rate=0.01, beta_1=0.95)`.
    """
    kind = next(cls for cls in type(thing).__mro__ if cls.__module__.startswith("keras."))
    family = kind.__module__.split(".")[2]
    content = {**thing.get_config(), **override}
    arguments = [
        f"{name}={literal(content[name])}"
        for name, parameter in inspect.signature(kind).parameters.items()
        if name in content and name not in _UNSAID and (name in override or content[name] != parameter.default)
    ]
    return f"keras.{family}.{kind.__name__}({', '.join(arguments)})"

"""What a new study searches."""

from __future__ import annotations

_SEARCH = """
[search]                       # a list is a choice, {low, high, log} a range, "auto" a good default, one value is fixed
loss          = "auto"
optimizer     = ["sgd", "rmsprop", "adam"]
learning_rate = { low = 1e-4, high = 1e-1, log = true }
momentum      = { low = 0.0, high = 0.99 }
schedule      = ["constant", "cosine", "one_cycle"]
initializer   = ["glorot_uniform", "he_normal"]
activation    = ["relu", "tanh"]
"""

_CLASS_WEIGHT = """\
# "balanced" weighs the rows of rare classes more while training, as the metric does: it may raise or lower the score.
class_weight  = ["none", "balanced"]
"""

_REST = """
[search.model]                 # keyword arguments of build()
units = [32, 64, 128]

[budget]
trials = 30
epochs = 15
"""


def search_sections(unbalanced: bool = False) -> str:
    """Return the sections `[search]` and `[budget]` of a new study.

    Args:
        unbalanced: Whether some classes have few rows.
    """
    return _SEARCH + (_CLASS_WEIGHT if unbalanced else "") + _REST

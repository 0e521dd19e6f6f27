"""How many kinds of trainings a study has: those that differ in more than numbers share no programs."""

from __future__ import annotations

from math import prod

from tuner.space import Categorical, Dimension
from tuner.spec.study import StudySpec
from tuner.training import DIMENSIONS, ChoiceDimension

MOST_KINDS = 32
"""With more kinds each is taken to be trained once: the programs of all of them would not be kept."""
_TRIALS = 100
"""Taken for a study without a limit."""
_NUMBERS = ("schedule", "initializer")
"""Choices whose outcome a program is given as numbers: rates, initial weights."""
_SHAPES = ("batch_size", "dropout")
"""Numbers that a program is made for."""


def trainings_of_a_kind(spec: StudySpec) -> float:
    """How many trials of a study share all their programs, on average; at least 1."""
    kinds = prod(_kinds(dimension) for dimension in spec.space.searched)
    return max(1.0, (spec.budget.trials or _TRIALS) / kinds) if kinds <= MOST_KINDS else 1.0


def _kinds(dimension: Dimension) -> float:
    """How many kinds a dimension makes; infinitely many for a continuous option of the model."""
    name, (first, *_) = dimension.name, dimension.name.split(".")
    if name in DIMENSIONS:
        makes_some = name not in _NUMBERS if isinstance(DIMENSIONS[name], ChoiceDimension) else name in _SHAPES
        return dimension.parameter.size if makes_some else 1
    if first == "model":
        return dimension.parameter.size
    # An option of a choice: a number is given to the program, a switch makes another one.
    return 1 if first in _NUMBERS or not isinstance(dimension.parameter, Categorical) else dimension.parameter.size

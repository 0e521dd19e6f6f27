"""How many kinds of trainings a study has: those that differ in more than numbers share no programs."""

from __future__ import annotations

from math import prod

from tuner.catalog import DIMENSIONS
from tuner.space import Categorical, Dimension
from tuner.study.study_spec import StudySpec

MOST_KINDS = 32
"""With more kinds each is taken to be trained once: the programs of all of them would not be kept."""
_TRIALS = 100
"""Taken for a study without a limit."""


def trials_per_program(spec: StudySpec) -> float:
    """How many trials of a study share all their programs, on average; at least 1."""
    kinds = prod(_kinds(dimension) for dimension in spec.space.searched)
    return max(1.0, (spec.budget.trials or _TRIALS) / kinds) if kinds <= MOST_KINDS else 1.0


def _kinds(dimension: Dimension) -> float:
    """How many kinds a dimension makes; infinitely many for a continuous option of the model."""
    name, (first, *_) = dimension.name, dimension.name.split(".")
    if name in DIMENSIONS:
        return dimension.parameter.size if DIMENSIONS[name].in_program else 1
    if first == "model":
        return dimension.parameter.size
    # An option of a choice: a number is given to the program, a switch makes another one.
    switch = DIMENSIONS[first].in_program and isinstance(dimension.parameter, Categorical)
    return dimension.parameter.size if switch else 1

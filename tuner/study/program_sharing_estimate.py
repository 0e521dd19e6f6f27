"""Estimate how many trials share all programs, those of XLA included, which are made for one set of sizes.

Those of TensorFlow serve networks of all sizes; whether XLA pays, these trials decide.
"""

from __future__ import annotations

from math import prod

from tuner.catalog import DIMENSIONS
from tuner.space import Categorical, Dimension
from tuner.study.study_spec import StudySpec
from tuner.user_code import is_reference

MOST_KINDS = 32
"""With more kinds, each is assumed to be trained once: the program cache would not hold them all."""
_TRIALS = 100
"""Assumed for a study without a limit of trials."""


def trials_per_program(spec: StudySpec) -> float:
    """Estimate the mean number of trials that share all their programs; at least 1."""
    kinds = prod(_kinds(dimension) for dimension in spec.space.searched)
    return max(1.0, (spec.budget.trials or _TRIALS) / kinds) if kinds <= MOST_KINDS else 1.0


def is_user_option(name: str) -> bool:
    """Return whether a dimension is an option of user code, which a program holds as it is."""
    return is_reference(name.partition(".")[2].rpartition(".")[0])


def _kinds(dimension: Dimension) -> float:
    """Count the different programs that a dimension causes; infinite for a continuous option of the model.

    An option of the model may be a size, of which XLA's programs are.
    """
    name, (first, *_) = dimension.name, dimension.name.split(".")
    if name in DIMENSIONS:
        return dimension.parameter.size if DIMENSIONS[name].in_program else 1
    if first == "model":
        return dimension.parameter.size
    # An option of a choice: a number is an input of the program, a switch makes another one.
    constant = isinstance(dimension.parameter, Categorical) or is_user_option(name)
    switch = DIMENSIONS[first].in_program and constant
    return dimension.parameter.size if switch else 1

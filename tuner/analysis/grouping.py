"""The trials of a study by the value of one dimension; numbers are cut into bins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuner.catalog import written_value
from tuner.errors import UnknownNameError, UsageError
from tuner.results import StoredStudy
from tuner.search import StoredTrial, get_choices
from tuner.text import significant

FEW_VALUES = 6
"""A range with at most this many different values is not cut into bins."""


@dataclass(frozen=True)
class Group:
    """The trials with one value, or with a value in one bin.

    Attributes:
        value: The value; a text "low … high" for a bin; None for trials in which the dimension does not count.
        low, high: Bounds of a bin, the low one included, and the high one too in the last bin; None for a value.
        trials: The trials, by number.
    """

    value: Any
    low: float | None
    high: float | None
    trials: tuple[StoredTrial, ...]


def searched_dimensions(study: StoredStudy) -> list[str]:
    """Return the dimensions of all trials, in the order in which they were first suggested."""
    return list(dict.fromkeys(name for trial in study.record.trials for name in trial.params))


def find_dimension(study: StoredStudy, name: str) -> str:
    """Return the full name of a searched dimension.

    Args:
        study: The study.
        name: The dimension ("optimizer.sgd.nesterov"), or its last part where that is the end of one only ("nesterov").

    Raises:
        UsageError: It has one value only in this study, or several dimensions end so.
        UnknownNameError: There is no such dimension.
    """
    known = searched_dimensions(study)
    if name in known:
        return name
    ending = [dimension for dimension in known if dimension.endswith(f".{name}")]
    if len(ending) > 1:
        raise UsageError(f"A dimension must be named in full, but {name!r} may be {' or '.join(ending)}.")
    if ending:
        return ending[0]
    fixed = study.record.attrs.fingerprint.get(f"search.{name}")
    if fixed is not None:
        raise UsageError(
            f"A comparison needs several values, but {name} is {fixed} in every trial of {study.record.name!r}. "
            f"Searched: {', '.join(known) or 'none'}."
        )
    raise UnknownNameError("searched dimension", name, known)


def written_params(trial: StoredTrial) -> dict[str, Any]:
    """Return the searched parameters of a trial as the study file writes them: "balanced" for the choice 1."""
    kinds = trial.distributions
    return {
        name: written_value(name, value) if get_choices(kinds[name]) is not None else value
        for name, value in trial.params.items()
    }


def group_trials(trials: Iterable[StoredTrial], dimension: str, bins: int) -> list[Group]:
    """Group trials by the value of a dimension.

    A choice has one group per value, in the order of the choices.  A range has `bins` groups of about equally many
    trials, or one per value if there are at most `FEW_VALUES`.  Trials in which the dimension does not count come
    last.
    """
    trials = list(trials)
    active = [trial for trial in trials if dimension in trial.params]
    if not active:
        return [Group(None, None, None, tuple(trials))] if trials else []
    kind = active[-1].distributions[dimension]
    choices = get_choices(kind)
    if choices is not None:
        groups = _by_value(active, dimension, choices)
    else:
        different = sorted({trial.params[dimension] for trial in active})
        cut = len(different) > max(bins, FEW_VALUES)
        groups = _by_bin(active, dimension, bins) if cut else _by_value(active, dimension, different)
    inactive = tuple(trial for trial in trials if dimension not in trial.params)
    return [*groups, *([Group(None, None, None, inactive)] if inactive else [])]


def _by_value(trials: Sequence[StoredTrial], dimension: str, values: Sequence[Any]) -> list[Group]:
    chosen = [tuple(trial for trial in trials if _same(trial.params[dimension], value)) for value in values]
    written = [written_value(dimension, value) for value in values]
    return [Group(value, None, None, some) for value, some in zip(written, chosen, strict=True) if some]


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


def _by_bin(trials: Sequence[StoredTrial], dimension: str, bins: int) -> list[Group]:
    values = np.array([trial.params[dimension] for trial in trials], np.float64)
    # Quantiles that are values of trials, so that bounds are numbers that were tried.
    edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, bins + 1), method="inverted_cdf"))
    groups = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        last = high == edges[-1]
        inside = (values >= low) & ((values <= high) if last else (values < high))
        some = tuple(trial for trial, chosen in zip(trials, inside, strict=True) if chosen)
        groups.append(Group(f"{significant(low, 3)} … {significant(high, 3)}", float(low), float(high), some))
    return groups

"""Trials as a database holds them: what readers need of Optuna's `FrozenTrial`, without importing Optuna.

Names and values are Optuna's, so that a function which reads a trial takes either.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


class StoredState(Enum):
    """The states of Optuna, by their names."""

    RUNNING = auto()
    COMPLETE = auto()
    PRUNED = auto()
    FAIL = auto()
    WAITING = auto()

    def is_finished(self) -> bool:
        """Return whether the trial has ended."""
        return self not in (StoredState.RUNNING, StoredState.WAITING)


@dataclass(frozen=True, slots=True)
class StoredDistribution:
    """A choice or a range.

    Attributes:
        choices: Of a choice; None for a range.
        low, high: Ends of a range, both included.
        log: Whether a range is searched on a logarithmic scale.
        whole: Whether a range has whole numbers only.
    """

    choices: tuple[Any, ...] | None = None
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False

    @classmethod
    def from_json(cls, text: str) -> StoredDistribution:
        """Read what Optuna stores.

        Raises:
            ValueError, LookupError, TypeError, AttributeError: It is nothing that Optuna stores.
        """
        content = json.loads(text)
        name, attributes = content.get("name"), content.get("attributes")
        if name == "CategoricalDistribution":
            return cls(tuple(attributes["choices"]))
        whole = name == "IntDistribution"
        if not whole and name != "FloatDistribution":  # a form of an older Optuna, or none
            from optuna.distributions import CategoricalDistribution, IntDistribution, json_to_distribution

            kind: Any = json_to_distribution(text)
            if isinstance(kind, CategoricalDistribution):
                return cls(tuple(kind.choices))
            return cls(None, kind.low, kind.high, kind.log, isinstance(kind, IntDistribution))
        number = int if whole else float
        return cls(None, number(attributes["low"]), number(attributes["high"]), bool(attributes.get("log")), whole)

    def value(self, stored: float) -> Any:
        """Return the value of a parameter that Optuna stores as a number.

        Raises:
            ValueError, LookupError, TypeError: It is not a number, or the place of no choice.
        """
        if self.choices is not None:
            return self.choices[int(stored)]
        return int(stored) if self.whole else float(stored)


def get_choices(kind: StoredDistribution | BaseDistribution) -> tuple[Any, ...] | None:
    """Return the choices of a distribution, or None for a range."""
    choices: tuple[Any, ...] | None = getattr(kind, "choices", None)
    return choices


@dataclass(frozen=True, slots=True)
class StoredTrial:
    """A trial.

    Attributes:
        number: From 0, in the order in which trials were asked for.
        trial_id: Optuna's id in the database.
        state: Its state in Optuna.
        value: The objective, or the last report of a pruned trial; None without either.
        params: The searched parameters that count in it.
        distributions: What they were drawn from.
        user_attrs: Its attributes; `tuner.storage.trial_attributes` reads ours.
        intermediate_values: What it has reported, by step.
        datetime_start, datetime_complete: With the local time zone; None if it has not begun or ended.
    """

    number: int
    trial_id: int
    state: StoredState
    value: float | None
    params: Mapping[str, Any]
    distributions: Mapping[str, StoredDistribution]
    user_attrs: Mapping[str, Any]
    intermediate_values: Mapping[int, float]
    datetime_start: datetime | None = None
    datetime_complete: datetime | None = None

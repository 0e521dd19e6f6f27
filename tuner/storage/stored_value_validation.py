"""Validation of what a database holds: a writer of it may write anything.

SQLite keeps any kind of value in any column, and attributes are JSON of any shape.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from pydantic import ValidationError

from tuner.errors import StorageError, TunerError, shown
from tuner.search import StoredTrial
from tuner.storage.database_url import redacted
from tuner.storage.error_conversion import storage_errors
from tuner.storage.study_attributes import Attributes, StudyAttributes, TrialAttributes
from tuner.untrusted_files import reason

Parsed = TypeVar("Parsed", bound=Attributes)

_MAX_WHOLE = 2**53
_NUMBER = int | float | None
_PROBE: dict[str, Any] = {"trial_id": int, "fold": int, "epoch": int}

COLUMNS: dict[str, dict[str, Any]] = {
    "tuner_owners": {
        "owner": str,
        "study_id": int,
        "host": str,
        "pid": int,
        "started": str,
        "heartbeat_at": int,
        "coordinator_index": int,
        "transaction": int,
    },
    "tuner_recipes": {"trial_id": int, "recipe": dict},
    "tuner_epochs": {
        **_PROBE,
        **dict.fromkeys(("loss", "val_loss", "metric", "learning_rate", "seconds"), _NUMBER),
    },
    "tuner_probes": {**_PROBE, "loss": _NUMBER, "constant_loss": _NUMBER},
    "tuner_layers": {
        **_PROBE,
        "position": int,
        "layer": str,
        **dict.fromkeys(("gradient_norm", "update_ratio", "dead_share", "saturated_share"), _NUMBER),
    },
    "tuner_verdicts": {
        **_PROBE,
        "position": int,
        "verdict": str,
        "layer": str | None,
        "value": _NUMBER,
        "threshold": _NUMBER,
        "text": str,
    },
}
"""Table of ours that readers read → column → what it holds; a test compares them with `tables`."""

_STEP = "It was edited or damaged: restore a backup of the database."


@contextmanager
def stored_values(url: str) -> Iterator[None]:
    """Turn whatever reading a database raises into a `StorageError`: Optuna and SQLAlchemy trust what they find."""
    with storage_errors(url):
        try:
            yield
        except TunerError:
            raise
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError) as error:
            what = redacted(f"{type(error).__name__}: {reason(error)}", url)
            raise StorageError(f"The database contains something that cannot be read ({what}). {_STEP}") from error


def parse_study(name: str, attrs: Mapping[str, Any], trials: Sequence[StoredTrial]) -> StudyAttributes:
    """Return the attributes of a study, and refuse those and trials of another shape than ours.

    Raises:
        StorageError: The first one, by its place.
    """
    parsed = _parse(StudyAttributes, attrs, f"study {name!r}")
    for trial in trials:
        where = f"trial {shown(trial.number)} of study {name!r}"
        for what, whole in [("number", trial.number), *(("step", step) for step in trial.intermediate_values)]:
            if type(whole) is not int or not 0 <= whole < _MAX_WHOLE:  # SQLite takes any type in any column
                raise _broken(where, f"its {what} must be a whole number, but is {shown(whole)}")
        _parse(TrialAttributes, trial.user_attrs, where)
        numbers = [("value", trial.value)] if trial.value is not None else []
        numbers += [(f"report {step}", value) for step, value in trial.intermediate_values.items()]
        numbers += [
            (f"parameter {key}", trial.params[key]) for key, kind in trial.distributions.items() if kind.choices is None
        ]
        for what, value in numbers:
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise _broken(where, f"{what} must be a number, but is {shown(value)}")
        if trial.state.name == "COMPLETE" and not (trial.value is not None and math.isfinite(trial.value)):
            raise _broken(where, f"a complete trial must have a finite value, but has {shown(trial.value)}")
    return parsed


def checked_row(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of a table of ours, and refuse one with a value that its column does not hold.

    Raises:
        StorageError: The first one, by its place.
    """
    for name, kind in COLUMNS[table].items():
        value = row[name]
        if kind is dict:
            row[name] = value = json.loads(value) if isinstance(value, str) else value
        right = isinstance(value, kind) and not isinstance(value, bool)
        if not right or (isinstance(value, int) and not 0 <= value < _MAX_WHOLE and kind is int):
            raise _broken(f"{table}.{name}", f"it is {shown(value)}")
    return row


def _parse(model: type[Parsed], attrs: Mapping[str, Any], where: str) -> Parsed:
    try:
        return model.model_validate(attrs)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _broken(where, f"{place}: {first['msg']}, but it is {shown(first['input'])}") from None


def _broken(where: str, what: str) -> StorageError:
    return StorageError(f"The database holds something of {where} that cannot be read: {what}. {_STEP}")

"""Validation of what a database holds: a writer of it may write anything.

SQLite keeps any kind of value in any column, and attributes are JSON of any shape.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from tuner.errors import StorageError, TunerError, shown
from tuner.storage.database import storage_errors
from tuner.storage.database_url import redacted
from tuner.storage.study_attributes import Attributes, StudyAttributes, TrialAttributes
from tuner.untrusted_files import reason

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial
    from sqlalchemy import RowMapping, Table

Parsed = TypeVar("Parsed", bound=Attributes)

_MAX_WHOLE = 2**53
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


def parse_study(name: str, attrs: Mapping[str, Any], trials: Sequence[FrozenTrial]) -> StudyAttributes:
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
        finished = trial.values is not None
        numbers = [("value", value) for value in trial.values or ()]
        numbers += [(f"report {step}", value) for step, value in trial.intermediate_values.items()]
        numbers += [
            (f"parameter {key}", trial.params[key])
            for key, kind in trial.distributions.items()
            if not hasattr(kind, "choices")
        ]
        for what, value in numbers:
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise _broken(where, f"{what} must be a number, but is {shown(value)}")
        if trial.state.name == "COMPLETE" and not (finished and all(map(math.isfinite, trial.values))):
            raise _broken(where, f"a complete trial must have finite values, but has {shown(trial.values)}")
    return parsed


def check_rows(table: Table, rows: Sequence[RowMapping]) -> None:
    """Refuse rows of a table of ours with a value that its column does not hold.

    Raises:
        StorageError: The first one, by its place.
    """
    kinds = {column.name: (_kind(column.type), bool(column.nullable)) for column in table.columns}
    for row in rows:
        for name, value in row.items():
            kind, empty = kinds.get(name, (None, True))
            if kind is None or value is None and empty:
                continue
            right = isinstance(value, kind) and not isinstance(value, bool)
            if not right or (isinstance(value, int) and not 0 <= value < _MAX_WHOLE and kind is int):
                raise _broken(f"{table.name}.{name}", f"it is {shown(value)}")


def _kind(column: Any) -> Any:
    """Return the Python type of the values of a column of numbers or texts, or None for other columns."""
    from sqlalchemy import Float, Integer, String

    if isinstance(column, Integer):
        return int
    if isinstance(column, Float):
        return int | float
    return str if isinstance(column, String) else None


def _parse(model: type[Parsed], attrs: Mapping[str, Any], where: str) -> Parsed:
    try:
        return model.model_validate(attrs)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _broken(where, f"{place}: {first['msg']}, but it is {shown(first['input'])}") from None


def _broken(where: str, what: str) -> StorageError:
    return StorageError(f"The database holds something of {where} that cannot be read: {what}. {_STEP}")

"""What a database says, checked before anything is made of it: whoever can write to it may write what they like.

SQLite keeps any kind of value in any column, and attributes are JSON of any shape.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tuner.catalog import TrialState
from tuner.errors import StorageError, TunerError, shown
from tuner.storage.database import storage_errors
from tuner.storage.database_url import redacted
from tuner.untrusted_files import reason

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial
    from sqlalchemy import RowMapping, Table

_MAX_WHOLE = 2**53
_STEP = "Somebody has changed it there, or it is damaged: restore a copy of the database."


class _Stored(BaseModel):
    """Attributes as JSON holds them; others than these are passed over."""

    model_config = ConfigDict(strict=True, extra="ignore")


class _Facts(_Stored):
    task: str = ""
    input_shape: list[int] = []
    outputs: int = 0
    classes: list[str] = []
    features: list[str] = []
    rows: dict[str, int] = {}
    class_counts: list[int] = []
    sha256: str = ""
    notes: list[str] = []


class _About(_Stored):
    file: str | None = None
    metric: str | None = None
    task: str | None = None
    source: dict[str, Any] = {}
    facts: _Facts = _Facts()


class _Programs(_Stored):
    traced: int = Field(ge=0)
    seconds: float = Field(ge=0, allow_inf_nan=False)


class _StudyAttributes(_Stored):
    about: _About = Field(_About(), alias="tuner:about")
    fingerprint: dict[str, Any] = Field({}, alias="tuner:fingerprint")
    wall_s: float = Field(0.0, alias="tuner:wall_s", ge=0, allow_inf_nan=False)
    programs: _Programs | None = Field(None, alias="tuner:programs")
    settings: int | None = Field(None, alias="tuner:settings")
    test_scored: list[Any] = Field([], alias="tuner:test_scored")


class _Outcome(_Stored):
    state: TrialState = Field(default=TrialState.COMPLETE, strict=False)
    reason: str | None = None


class _TrialAttributes(_Stored):
    outcome: _Outcome = _Outcome()
    duration_s: float = Field(0.0, ge=0, allow_inf_nan=False)
    engine: str = ""
    fallback_reason: str = ""
    slower_as: str = ""  # of older databases


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
            raise StorageError(f"The database holds something that cannot be read ({what}). {_STEP}") from error


def check_study(name: str, attrs: Mapping[str, Any], trials: Sequence[FrozenTrial]) -> None:
    """Refuse attributes of a study, and trials, of another shape than ours.

    Raises:
        StorageError: The first one, by its place.
    """
    _check_attributes(_StudyAttributes, attrs, f"study {name!r}")
    for trial in trials:
        where = f"trial {trial.number} of study {name!r}"
        _check_attributes(_TrialAttributes, trial.user_attrs, where)
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
    """What values of a column of numbers or texts are in Python, or None for other columns."""
    from sqlalchemy import Float, Integer, String

    if isinstance(column, Integer):
        return int
    if isinstance(column, Float):
        return int | float
    return str if isinstance(column, String) else None


def _check_attributes(model: type[_Stored], attrs: Mapping[str, Any], where: str) -> None:
    try:
        model.model_validate(dict(attrs))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _broken(where, f"{place}: {first['msg']}, but it is {shown(first['input'])}") from None


def _broken(where: str, what: str) -> StorageError:
    return StorageError(f"The database holds something of {where} that cannot be read: {what}. {_STEP}")

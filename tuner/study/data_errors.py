"""Errors of `[data]` as problems of the study file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from tuner.data import ENCODINGS, DataOptions, PreparedData
from tuner.errors import DataError, UsageError, shown
from tuner.study.data_source_problems import note_source_problems, split_next_step
from tuner.study.problems import Problems, dotted

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

RULES = {
    "missing": "this key is required",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "finite_number": "must be a finite number",
    "dict_type": "must be a table",
    "list_type": "must be a list",
}
"""Kind of an error of pydantic → the rule."""


_OF_COLUMNS = {"missing_target", "text", "missing", "drop", "columns", "target", "source"}
"""Keys of data errors that are among the problems of the table, if there are any."""


def note_data_error(details: ErrorDetails, section: Mapping[str, Any], problems: Problems) -> None:
    """Note a validation error of pydantic."""
    name = str(next(iter(details["loc"][1:]), ""))
    key, fields = dotted("data", name) if name else "data", DataOptions.model_fields
    given = [section[name]] if name in section else []
    column = details["loc"][2] if len(details["loc"]) > 2 else None
    if name == "columns" and column is not None:
        key, given = dotted(key, column), [section[name][column]]
    if name == "columns" and given and isinstance(given[0], str):
        problems.unknown(key, "encoding", given[0], ENCODINGS)
    elif details["type"] == "extra_forbidden":
        problems.unknown_keys("data", {name: section[name]}, fields)
    elif details["type"] == "literal_error":
        problems.unknown(key, "choice", section.get(name), get_args(fields[name].annotation))
    else:
        problems.add(
            key,
            RULES.get(details["type"], _rule(details["msg"], given)),
            *given,
            allowed=fields[name].description if name in fields else None,
            next_step='Write, for example, source = "digits".'
            if name == "source"
            else "Correct it, or leave the key out.",
        )


def _rule(message: str, given: list[Any]) -> str:
    """Return the rule of a message "RULE, but got VALUE."; all of it, if the value differs from the one shown."""
    rule, _, value = message.rstrip(".").partition(", but got ")
    return rule if given and value == shown(given[0]) else message.rstrip(".")


def load_data(data: DataOptions, project: Path, seed: int, problems: Problems) -> PreparedData | None:
    """Read and prepare the data, or return None after noting why they cannot be used."""
    from tuner.data import check_repeatable, prepare

    try:
        prepared = prepare(data, project, seed, advise=True)
        check_repeatable(data, project, prepared.facts.sha256)
        return prepared
    except UsageError as error:
        key = error.key if isinstance(error, DataError) else "source"
        found, sentences = note_source_problems(data, project, problems)
        if str(error) not in sentences and key not in found and not (found and key in _OF_COLUMNS):
            _note_unusable(key, str(error), data, problems)
    except OSError as error:
        _note_unusable("source", f"the data cannot be read: {error.strerror}", data, problems)
    return None


def _note_unusable(name: str, rule: str, data: DataOptions, problems: Problems) -> None:
    rule, step = split_next_step(rule)
    problems.add(
        dotted("data", name),
        rule,
        data.model_dump(mode="json")[name] if name in data.model_fields_set else data.source,
        allowed=DataOptions.model_fields[name].description,
        next_step=step or "Correct it, or the data.",
    )

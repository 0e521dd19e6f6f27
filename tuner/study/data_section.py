"""`[data]` → `DataOptions` and, where they can be loaded, the facts of the data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.data import DataFacts, DataOptions
from tuner.errors import DataError, UsageError, nearest, shown
from tuner.study.problems import Problems, dotted, listed

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_RULES = {
    "missing": "this key is needed",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "finite_number": "must be a finite number",
}


_KEYS = (
    (r"target", "target"),
    (r"weight column|sample weight|^weight\b", "weight"),
    (r"class weight|class_weight", "class_weight"),
    (r"`shape`|reshape", "shape"),
    (r"`drop` needs|dropped column", "drop"),
    (r"`missing`|missing value|empty cell", "missing"),
    (r"`text`|text column", "text"),
    (r"`task`|\btask\b", "task"),
    (r"folds|validation", "validation"),
    (r"\btest\b", "test"),
)
"""What a message about the data speaks of in its rule, and the key of `[data]` that it is noted under."""


def read_data(content: Mapping[str, Any], problems: Problems) -> DataOptions | None:
    """The options of `[data]`; None after noting everything that is wrong with them."""
    from pydantic import ValidationError

    section = content.get("data")
    if section is None or not isinstance(section, Mapping):
        problems.add(
            "data",
            "a study needs data" if "data" not in content else "must be a section",
            *([section] if "data" in content else []),
            allowed="a section [data] with a source",
            next_step='Write [data] and below it source = "digits" or source = "data/train.csv".',
        )
        return None
    try:
        return DataOptions.model_validate(dict(section))
    except ValidationError as error:
        for details in error.errors(include_url=False):
            _note(details, section, problems)
        return None


def _note(details: ErrorDetails, section: Mapping[str, Any], problems: Problems) -> None:
    """One error of pydantic as a problem in plain words."""
    path = [str(part) for part in details["loc"]]
    name = path[0] if path else ""
    key = dotted("data", name) if name else "data"
    fields = DataOptions.model_fields
    given = [section[name]] if name in section else []
    if details["type"] == "extra_forbidden":
        near = nearest(name, fields)
        problems.add(
            key,
            "there is no such key",
            *given,
            allowed=listed(fields),
            near=near,
            next_step=f"Rename it to {near}." if near else "Remove it.",
        )
        return
    if details["type"] == "literal_error":
        problems.unknown(key, "choice", given[0] if given else None, _literals(name))
        return
    problems.add(
        key,
        _RULES.get(details["type"], _rule(details["msg"], given)),
        *given,
        allowed=fields[name].description if name in fields else None,
        next_step='Write for example source = "digits".' if name == "source" else "Correct it, or leave the key out.",
    )


def _rule(message: str, given: list[Any]) -> str:
    """The rule of a message "RULE, but got VALUE.", whole where the value is another than the one that is shown."""
    rule, _, value = message.rstrip(".").partition(", but got ")
    return rule if given and value == shown(given[0]) else message.rstrip(".")


def _literals(name: str) -> list[str]:
    """The names that a key of `[data]` may have, as its JSON schema lists them."""
    schema = DataOptions.model_json_schema()["properties"][name]
    return [str(value) for value in schema.get("enum", [])]


def load_facts(data: DataOptions, project: Path, seed: int, problems: Problems) -> DataFacts | None:
    """What is found in the data; None after noting why they cannot be used."""
    from tuner.data import check_repeatable, prepare

    try:
        facts = prepare(data, project, seed).facts
        check_repeatable(data, project, facts.sha256)
        return facts
    except UsageError as error:
        rule = re.split(r", but |\. ", str(error))[0]
        named = isinstance(error, DataError)
        key = next((key for pattern, key in _KEYS if named and re.search(pattern, rule, re.IGNORECASE)), "source")
        _note_unusable(key, str(error), data, problems)
    except OSError as error:
        _note_unusable("source", f"the data cannot be read: {error.strerror}", data, problems)
    return None


def _note_unusable(name: str, rule: str, data: DataOptions, problems: Problems) -> None:
    description = DataOptions.model_fields[name].description
    problems.add(
        dotted("data", name),
        rule.rstrip("."),
        data.model_dump(mode="json")[name] if name in data.model_fields_set else data.source,
        allowed=description,
        next_step="Correct it, or the data.",
    )

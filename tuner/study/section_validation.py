"""Validation of the sections of a study file by pydantic, whose errors become `Problems`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from tuner.study.data_errors import RULES, note_data_error
from tuner.study.problems import Problems

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)


class Section(BaseModel):
    """Base of the sections of a study file: fields are keys, and validators raise `refusal`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, table: Any) -> Any:
        if not isinstance(table, Mapping):
            raise PydanticCustomError("no_section", "must be a section")
        known = [field.alias or name for name, field in cls.model_fields.items()]
        error = PydanticCustomError("unknown_key", "there is no such key", {"known": known})
        raise_errors((key, error, value) for key, value in table.items() if key not in known)
        return table


def raise_errors(errors: Iterable[tuple[str, PydanticCustomError, Any]]) -> None:
    """Raise errors of keys, each with its value, as one `ValidationError`, if there are any."""
    details = [InitErrorDetails(type=error, loc=(key,), input=value) for key, error, value in errors]
    if details:
        raise ValidationError.from_exception_data("section", details)


def read_sections(model: type[Model], content: Mapping[str, Any], problems: Problems) -> Model:
    """Validate a study file; an invalid value is noted, and replaced by its default.

    Args:
        model: Pydantic model of the file; all its fields have defaults.
        content: Parsed content of the file.
        problems: Collects the problems.
    """
    while True:
        try:
            return model.model_validate(content)
        except ValidationError as error:
            given = content
            for details in error.errors(include_url=False):
                content = _without(content, _note(details, given, problems))


def _note(details: ErrorDetails, content: Mapping[str, Any], problems: Problems) -> Sequence[str]:
    """Note one error, and return the path of the value to drop."""
    path, given = _locate(details, content)
    key, context = ".".join(path), details.get("ctx", {})
    match details["type"]:
        case "refused":
            problems.add(key, given=given, **context)
        case "unknown_key":
            problems.unknown_keys(".".join(path[:-1]), {path[-1]: given}, context["known"])
        case "no_section" | "model_type":
            write = f"Write [{key}], and its keys below it."
            problems.add(key, "must be a section", given, allowed=f"a section [{key}]", next_step=write)
        case _ if path[0] == "data":
            note_data_error(details, content["data"], problems)
        case kind:
            problems.add(key, RULES.get(kind, "must be a value of another kind"), given, next_step="Correct it.")
    return path[:1] if path[0] == "data" else path


def _locate(details: ErrorDetails, content: Any) -> tuple[list[str], Any]:
    """Return the path of an error in the file, without pydantic's names of union members, and its value."""
    path = []
    for part in details["loc"]:
        if isinstance(content, Mapping) and part in content:
            content = content[part]
            path.append(str(part))
        elif isinstance(content, list | tuple) and isinstance(part, int):
            content = content[part]
    return path, content


def _without(content: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    first, *rest = path
    if rest and first in content:
        return {**content, first: _without(content[first], rest)}
    return {key: value for key, value in content.items() if key != first}

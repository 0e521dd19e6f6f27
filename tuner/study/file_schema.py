"""The JSON schema of the study file: completion, hints and first checks in editors.

It is generated from the registries, and constrains single values.  Rules between values (`low <= high`, losses of the
task, conditions) are checked by `read_study` only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tuner.catalog import DIMENSIONS, ChoiceDimension, Entry, NumberDimension, number_dimension
from tuner.space import Categorical, Fixed, Parameter
from tuner.study.allowed_value import AllowedValue
from tuner.study.search.parameter_syntax import MOST_CHOICES
from tuner.study.study_file_sections import USER_CODE_PATTERN, FileSchema, StudyFile

_Schema = dict[str, Any]

_AUTO: _Schema = {"const": "auto", "description": "the default of this dimension"}
_WHEN: _Schema = {
    "type": "object",
    "minProperties": 1,
    "description": 'active only if another dimension has one of these values: { optimizer = ["sgd"] }',
}


def json_schema() -> _Schema:
    """Return the schema of a study file, JSON schema draft 2020-12."""
    schema = StudyFile.model_json_schema(schema_generator=FileSchema)
    schema["properties"]["search"] = _search()
    schema["$defs"]["when"] = _WHEN
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Study file of keras-studies",
        "required": ["model", "data"],
    }


def _search() -> _Schema:
    properties: _Schema = {}
    for dimension in DIMENSIONS.values():
        properties[dimension.name] = _dimension(dimension)
        if isinstance(dimension, ChoiceDimension):
            options = {name: _options(dimension, row) for name, row in dimension.table.items()}
            known = {name: schema for name, schema in options.items() if schema["properties"]}
            if known:
                text = f"options of each {dimension.name}, active only if it is chosen"
                options = {**_table(known, text), "patternProperties": {USER_CODE_PATTERN: {"type": "object"}}}
                properties[f"{dimension.name}_options"] = options
    properties["model"] = {
        "type": "object",
        "description": "keyword arguments of the model's function",
        "additionalProperties": _value(None, {}, automatic=False),
    }
    return {**_table(properties, "the search space; default: the dimensions that suit the task"), "minProperties": 1}


def _dimension(dimension: ChoiceDimension | NumberDimension) -> _Schema:
    if isinstance(dimension, NumberDimension):
        schema = _value(dimension.allowed, dimension.words)
    else:
        schema = _value(Categorical(tuple(dimension.table)), {}, user_code=True)
    return {**schema, "description": dimension.summary}


def _options(dimension: ChoiceDimension, row: Entry) -> _Schema:
    properties = {
        option.name: {**_value(option.allowed, {}), "description": option.summary, "default": option.default}
        for option in row.options
    }
    for name in dimension.own:
        shared = number_dimension(name)
        if name not in properties and shared.taken_by(row):
            properties[name] = _dimension(shared)
    return {**_table(properties, row.summary), "minProperties": 1}


def _value(
    allowed: Parameter | None, words: Mapping[str, float], automatic: bool = True, user_code: bool = False
) -> _Schema:
    """Return the schema of a dimension: a single value, a list, a table, or "auto"."""
    single = AllowedValue("", allowed, words=words).schema
    if user_code:
        single = {"anyOf": [single, {"type": "string", "pattern": USER_CODE_PATTERN}]}
    choices = {"type": "array", "items": single, "minItems": 1, "maxItems": MOST_CHOICES, "uniqueItems": True}
    named: _Schema = {"anyOf": [choices, _AUTO]} if automatic else choices
    forms = [single, choices, _table({"choices": named, "when": {"$ref": "#/$defs/when"}}, "a choice", ["choices"])]
    if not isinstance(allowed, Categorical | Fixed):
        forms.append(_range(single))
    if automatic:
        forms.append(_AUTO)
    return {"anyOf": forms}


def _range(bound: _Schema) -> _Schema:
    number = {"type": "number"} if not bound.get("anyOf") and "type" not in bound else bound
    return _table(
        {
            "low": number,
            "high": number,
            "log": {"type": "boolean", "description": "search on a logarithmic scale"},
            "step": {"type": "number", "exclusiveMinimum": 0, "description": "distance between two values"},
            "when": {"$ref": "#/$defs/when"},
        },
        "a range",
        ["low", "high"],
    )


def _table(properties: _Schema, description: str, required: Iterable[str] = ()) -> _Schema:
    needed = {"required": list(required)} if required else {}
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "additionalProperties": False,
        **needed,
    }

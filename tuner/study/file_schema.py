"""The JSON schema of the study file: completion, hints and first checks in editors.

Made from the tables, so that it names what the package can do.  It says what a single value may be; rules between
values (`low <= high`, losses of the task, conditions) are checked by `read_study` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tuner.catalog import DIMENSIONS, HEADS, METRICS, ChoiceDimension, Entry, NumberDimension, number_dimension
from tuner.data import DataOptions
from tuner.engines import ENGINES
from tuner.search import DEFAULT_PRUNER, DEFAULT_SAMPLER, PRUNERS, SAMPLERS
from tuner.space import Categorical, Fixed, Float, Int, Parameter
from tuner.study.search.parameter_syntax import MOST_CHOICES
from tuner.study.sections import (
    LARGEST_SEED,
    LEAST_RESOURCE,
    MOST_EPOCHS,
    MOST_TRIALS,
    MOST_WORKERS,
    NAME_RULE,
    STOPPING,
)

_Schema = dict[str, Any]

_AUTO: _Schema = {"const": "auto", "description": "the default of this dimension"}
_WHEN: _Schema = {
    "type": "object",
    "minProperties": 1,
    "description": 'counts only where another dimension has one of these values: { optimizer = ["sgd"] }',
}


def json_schema() -> _Schema:
    """The schema of a study file, JSON schema draft 2020-12."""
    data = DataOptions.model_json_schema()
    definitions = data.pop("$defs", {})
    properties = {
        "name": {"type": "string", "pattern": f"^{NAME_RULE}$", "description": "name of the study in the storage"},
        "model": {"type": "string", "description": "models/mlp.py, or models/mlp.py:function"},
        "head": _names(["auto", "model", *HEADS], "output activation behind the model's raw outputs"),
        "seed": _whole(0, LARGEST_SEED, "the one source of randomness"),
        "engine": _names(list(ENGINES), "how one trial is trained"),
        "workers": _whole(1, MOST_WORKERS, "worker processes; one a core where left out"),
        "data": data,
        "objective": _table({"metric": _metric()}, "what is optimised, measured on the validation part"),
        "search": _search(),
        "budget": _budget(),
        "sampler": _rows(
            SAMPLERS,
            DEFAULT_SAMPLER,
            {"initial_points": {"type": "boolean", "description": "whether the first trials are known good settings"}},
        ),
        "pruner": _rows(PRUNERS, DEFAULT_PRUNER, {}),
        "health": _health(),
        "resources": _table(
            {"cpus": _resource(LEAST_RESOURCE, "CPUs"), "gpus": _resource(0.0, "GPUs")},
            "what one worker needs of a node, on a Ray cluster",
        ),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Study file of keras-studies",
        **_table(properties, "a study"),
        "required": ["model", "data"],
        "$defs": {**definitions, "when": _WHEN},
    }


def _metric() -> _Schema:
    names = [*METRICS, *(alias for row in METRICS.values() for alias in row.alias)]
    return _names(names, "a loss is no objective: losses of different trials cannot be compared")


def _budget() -> _Schema:
    duration = {
        "anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": r"^[0-9.dhmsDHMS\s]+$"}],
        "description": 'wall time of a run: seconds, or "90s", "10m", "1h30m", "2d"',
    }
    return _table(
        {
            "trials": _whole(1, MOST_TRIALS, "finished trials"),
            "time": duration,
            "target": {"type": "number", "description": "value of the objective that is good enough"},
            "patience": _whole(1, MOST_TRIALS, "finished trials without an improvement"),
            "epochs": _whole(1, MOST_EPOCHS, "passes over the training part that one trial may use"),
            "trial_time": {**duration, "description": 'wall time of one trial: seconds, or "90s", "10m", "1h30m"'},
            "memory": {
                "type": "string",
                "pattern": r"^\s*[0-9.]+\s*[mMgGtT][iI]?[bB]\s*$",
                "description": 'memory of one worker process: "800MB", "2GB", "1.5GiB"',
            },
            "checkpoint": {
                "type": "boolean",
                "description": "whether a trial that was cut goes on from its last checkpoint, or else begins anew",
            },
        },
        "when the study ends: whatever is reached first",
    )


def _health() -> _Schema:
    stop = {"type": "array", "items": {"enum": list(STOPPING)}, "description": "verdicts that end a trial"}
    return _table(
        {"measure": {"type": "boolean", "description": "whether the layers are measured"}, "stop": stop},
        "health of the training: what is measured, and what ends a trial",
    )


def _search() -> _Schema:
    properties: _Schema = {}
    for dimension in DIMENSIONS.values():
        properties[dimension.name] = _dimension(dimension)
        if isinstance(dimension, ChoiceDimension):
            options = {name: _options(dimension, row) for name, row in dimension.table.items()}
            known = {name: schema for name, schema in options.items() if schema["properties"]}
            if known:
                text = f"options of each {dimension.name}, searched only where it is chosen"
                properties[f"{dimension.name}_options"] = _table(known, text)
    properties["model"] = {
        "type": "object",
        "description": "keyword arguments of the model's function",
        "additionalProperties": _value(None, {}, automatic=False),
    }
    return {**_table(properties, "what is searched; left out, the defaults of the task are"), "minProperties": 1}


def _dimension(dimension: ChoiceDimension | NumberDimension) -> _Schema:
    if isinstance(dimension, NumberDimension):
        schema = _value(dimension.allowed, dimension.words)
    else:
        schema = _value(Categorical(tuple(dimension.table)), {})
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


def _value(allowed: Parameter | None, words: Mapping[str, float], automatic: bool = True) -> _Schema:
    """A place of `[search]`: a single value, a list, a table, or "auto"."""
    single = _single(allowed, words)
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


def _single(allowed: Parameter | None, words: Mapping[str, float]) -> _Schema:
    match allowed:
        case Float(low, high):
            schema: _Schema = {"type": "number", "minimum": low, "maximum": high}
        case Int(low, high):
            schema = {"type": "integer", "minimum": low, "maximum": high}
        case Categorical(choices):
            schema = {"enum": list(choices)}
        case Fixed(value):
            schema = {"const": value}
        case None:
            schema = {"not": {"type": ["object", "null"]}}
    return {"anyOf": [schema, {"enum": list(words)}]} if words else schema


def _rows(rows: Mapping[str, Entry], default: str, others: _Schema) -> _Schema:
    """A section with a name and the options of that row; the default row needs no name."""
    forms = []
    for name, row in rows.items():
        options = {
            option.name: {**_single(option.allowed, {}), "description": option.summary} for option in row.options
        }
        properties = {"name": {"const": name}, **others, **options}
        forms.append(_table(properties, row.summary, [] if name == default else ["name"]))
    return {"anyOf": forms}


def _table(properties: _Schema, description: str, required: Iterable[str] = ()) -> _Schema:
    needed = {"required": list(required)} if required else {}
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "additionalProperties": False,
        **needed,
    }


def _names(names: Iterable[str], description: str) -> _Schema:
    return {"enum": list(names), "description": description}


def _resource(least: float, what: str) -> _Schema:
    part = {"type": "number", "minimum": least, "maximum": 1}
    return {"anyOf": [part, _whole(1, MOST_WORKERS, f"whole {what}")], "description": f"{what} of one worker"}


def _whole(low: int, high: int, description: str) -> _Schema:
    return {"type": "integer", "minimum": low, "maximum": high, "description": description}

"""The JSON schema agrees with the reader."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from tuner.catalog import DIMENSIONS
from tuner.study import json_schema

PROJECT = Path(__file__).parents[2]
MALFORMED = Path(__file__).parent / "malformed"
STUDIES = sorted((PROJECT / "studies").glob("*.toml"))

# Files whose fault is one value: what an editor can see.  The rules between values are the reader's.
SEEN_BY_EDITORS = [
    "absurd_budget",
    "absurd_choices",
    "bad_name",
    "budget",
    "data_is_text",
    "data_options",
    "empty_choice",
    "empty_search",
    "negative_seed",
    "no_data",
    "no_model",
    "options_unknown",
    "range_keys",
    "range_of_names",
    "sampler_options",
    "several",
    "step",
    "unknown_dimension",
    "unknown_metric",
    "unknown_names",
    "unknown_section",
    "val_loss",
    "wrong_types",
    "wrong_values",
]


@pytest.fixture(scope="module")
def validator():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_it_is_plain_json():
    assert json.loads(json.dumps(json_schema(), allow_nan=False)) == json_schema()


def test_studies_are_there():
    assert len(STUDIES) >= 8


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_shipped_studies_are_valid(file, validator):
    assert [error.message for error in validator.iter_errors(tomllib.loads(file.read_text()))] == []


@pytest.mark.parametrize("name", SEEN_BY_EDITORS)
def test_bad_files_are_seen_by_editors(name, validator):
    content = tomllib.loads((MALFORMED / f"{name}.toml").read_text())
    assert list(validator.iter_errors(content))


def sound(**search):
    return {"model": "models/mlp.py", "data": {"source": "iris"}, "search": search}


@pytest.mark.parametrize(
    "search",
    [
        {"learning_rate": "auto", "class_weight": ["none", "balanced", 0.5]},
        {"learning_rate": {"low": 1e-4, "high": 1e-1, "log": True, "when": {"optimizer": ["sgd"]}}},
        {"optimizer": {"choices": ["sgd", "adam"], "when": {"model.units": [8]}}},
        {"optimizer_options": {"sgd": {"nesterov": [True, False], "learning_rate": "auto", "momentum": 0.9}}},
        {"model": {"units": [[64, 32], [16]], "batch_norm": True, "layers": {"low": 1, "high": 4}}},
    ],
)
def test_forms_of_the_search_are_valid(search, validator):
    assert [error.message for error in validator.iter_errors(sound(**search))] == []


@pytest.mark.parametrize(
    "search",
    [
        {"learning_rate": {"low": 1e-4}},
        {"learning_rate": 1e9},
        {"momentum": -1},
        {"optimizer": ["sgd", "sgd"]},
        {"optimizer_options": {"adagrad": {"momentum": 0.9}}},
        {"optimizer_options": {"sgd": {}}},
        {"loss_options": {"mean_squared_error": {"delta": 1.0}}},
        {"model": {"units": "auto", "dropout": {"a": 1}}},
    ],
)
def test_wrong_forms_of_the_search_are_not(search, validator):
    assert list(validator.iter_errors(sound(**search)))


def test_every_dimension_is_explained():
    properties = json_schema()["properties"]["search"]["properties"]
    for name, row in DIMENSIONS.items():
        assert properties[name]["description"] == row.summary

"""`[data]`: types, bounds, and rules across keys."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tuner.catalog import Task
from tuner.data import OUTLIER_LIMITS, DataOptions, Folds


def refusals(**options: Any) -> list[tuple[tuple[Any, ...], str]]:
    with pytest.raises(ValidationError) as caught:
        DataOptions(**{"source": "digits", **options})
    return [(problem["loc"], problem["msg"]) for problem in caught.value.errors()]


def test_defaults_are_those_of_the_design() -> None:
    options = DataOptions(source="digits")
    assert (options.validation, options.test) == (0.2, 0.2)
    assert (options.scale, options.target_scale, options.outliers) == ("standardize", "auto", "keep")
    assert (options.missing, options.text, options.drop, options.shape) == ("error", "error", (), None)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("source", "", "non-empty"),
        ("source", 3, "non-empty"),
        ("source", "a\0b", "non-empty"),
        ("target", [], "at least one"),
        ("target", ["a", "a"], "once"),
        ("drop", "a", "list of column names"),
        ("drop", [1], "list of column names"),
        ("task", "clasification", "multiclass, binary, multilabel, regression"),
        ("validation", True, "fraction"),
        ("validation", "0.2", "without quotes"),
        ("validation", 0, "0 < validation < 1"),
        ("validation", 1.0, "0 < validation < 1"),
        ("validation", float("nan"), "0 < validation < 1"),
        ("validation", {"folds": 1}, "from 2 to 100"),
        ("validation", {"folds": 2.0}, "from 2 to 100"),
        ("validation", {"folds": True}, "from 2 to 100"),
        ("validation", {"fold": 5}, "{ folds = 5 }"),
        ("test", 1, "0 <= test < 1"),
        ("test", -0.1, "0 <= test < 1"),
        ("test", "nan", "without quotes"),
        ("test", None, "fraction"),
        ("outlier_limit", float("inf"), "above 0"),
        ("outlier_limit", "3", "above 0"),
        ("shape", [8, 0], "above 0"),
        ("shape", [8, True], "whole numbers"),
        ("shape", [10**5, 10**5], "at most"),
        ("class_weight", {}, "table of class name"),
        ("class_weight", {"cat": float("nan")}, "weight of class 'cat'"),
        ("class_weight", {"cat": -1}, "weight of class 'cat'"),
        ("class_weight", {"cat": 0}, "above 0"),
    ],
)
def test_a_value_that_breaks_a_rule_is_refused_with_the_rule_and_the_value(key: str, value: Any, words: str) -> None:
    ((place, message),) = refusals(**{key: value})
    assert place == (key,)
    assert words in message
    assert "but got " in message


@pytest.mark.parametrize(
    ("options", "key", "words"),
    [
        ({"validation": 0.5, "test": 0.5}, "validation", "validation + test < 1"),
        ({"target": "y", "drop": ["y"]}, "drop", "must not name the target"),
        ({"target": ["y", "z"], "weight": "z"}, "weight", "a different column from the target"),
        ({"weight": "w", "drop": ["w"]}, "drop", "weight column"),
        ({"outlier_limit": 3.0}, "outlier_limit", "other than keep"),
        ({"outliers": "winsorize", "outlier_limit": 0.5}, "outlier_limit", "0.5"),
        ({"task": "binary", "target_scale": "standardize"}, "target_scale", "regression"),
        ({"task": "regression", "class_weight": {"a": 1.0}}, "class_weight", "one class per row"),
    ],
)
def test_rules_across_keys_name_the_key(options: dict[str, Any], key: str, words: str) -> None:
    ((place, message),) = refusals(**options)
    assert place == (key,)
    assert words in message


def test_all_problems_across_keys_come_at_once() -> None:
    assert len(refusals(validation=0.9, test=0.9, outlier_limit=2.0, target="y", drop=["y"])) == 3


def test_unknown_keys_are_refused() -> None:
    assert refusals(scaling="none")[0][0] == ("scaling",)


def test_options_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        DataOptions(source="digits").scale = "none"  # type: ignore[misc]


def test_limit_fills_in_the_default_of_the_method() -> None:
    assert DataOptions(source="a.csv").limit == 0
    for method, limit in OUTLIER_LIMITS.items():
        assert DataOptions(source="a.csv", outliers=method).limit == limit  # type: ignore[arg-type]
    assert DataOptions(source="a.csv", outliers="drop_iqr", outlier_limit=2).limit == 2.0


@given(
    validation=st.one_of(st.floats(0.01, 0.4), st.integers(2, 100).map(lambda k: {"folds": k}), st.just("other.csv")),
    test=st.one_of(st.floats(0, 0.5), st.just("test.csv")),
    target=st.one_of(st.none(), st.just("y"), st.just(["y", "z"])),
    task=st.one_of(st.none(), st.sampled_from(Task)),
    shape=st.one_of(st.none(), st.lists(st.integers(1, 9), min_size=1, max_size=4)),
)
def test_json_round_trip(**given_options: Any) -> None:
    options = DataOptions(source="a.csv", **given_options)
    assert DataOptions.model_validate(options.model_dump(mode="json")) == options
    assert DataOptions.model_validate_json(options.model_dump_json()) == options


def test_folds_are_read_from_a_table() -> None:
    assert DataOptions.model_validate({"source": "digits", "validation": {"folds": 5}}).validation == Folds(folds=5)


def test_the_schema_shows_what_may_stand_in_validation() -> None:
    kinds = DataOptions.model_json_schema()["properties"]["validation"]["anyOf"]
    assert {"type": "number"} in kinds
    assert {"type": "string"} in kinds

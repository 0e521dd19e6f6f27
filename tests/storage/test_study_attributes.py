"""Attributes of studies and trials: one module knows their keys, and reading gives them types."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import optuna
import pytest
from optuna.trial import FrozenTrial
from pydantic import ValidationError
from structure import Module, modules

from tuner.storage import StudyAttributes, trial_attributes

OWNER = "storage.study_attributes"


def finished(**attributes: object) -> FrozenTrial:
    return optuna.trial.create_trial(value=1.0, user_attrs=dict(attributes))


def literal_keys(module: Module) -> Iterator[str]:
    """Yield each place where a module names an attribute of a study or a trial by a literal."""
    for node in ast.walk(module.tree):
        keys: list[ast.expr] = []
        match node:
            case ast.Constant(value=str(text)) if re.match(r"tuner:\w", text):
                keys = [node]
            case ast.Subscript(value=ast.Attribute(attr="user_attrs"), slice=key):
                keys = [key]
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="user_attrs"), attr="get"), args=[key, *_]):
                keys = [key]
            case ast.Call(func=ast.Attribute(attr="set_user_attr" | "update_attr"), args=[key, *_]):
                keys = [key]
            case ast.Compare(left=key, ops=[ast.In()], comparators=[ast.Attribute(attr="user_attrs")]):
                keys = [key]
        for key in keys:
            if isinstance(key, ast.Constant):
                yield f"{module.path.name}:{key.lineno} {key.value!r}"


def test_only_one_module_has_the_keys() -> None:
    found = {module.name: list(literal_keys(module)) for module in modules()}
    assert found.pop(OWNER)
    assert [place for places in found.values() for place in places] == []


def test_a_study_of_plain_optuna_has_none() -> None:
    attrs = StudyAttributes.model_validate({"note": "mine"})
    assert (attrs.info.source, attrs.info.metric, attrs.fingerprint, attrs.settings) == ({}, None, {}, None)
    assert (attrs.wall_s, attrs.programs.traced, attrs.warnings, attrs.test_uses) == (0.0, 0, [], [])


def test_stored_attributes_have_their_types() -> None:
    facts = {"task": "multiclass", "input_shape": [64], "outputs": 10, "rows": {"train": 5}, "sha256": "0"}
    attrs = StudyAttributes.model_validate(
        {
            "tuner:about": {"file": "s.toml", "metric": "accuracy", "source": {"seed": 3}, "facts": facts},
            "tuner:programs": {"traced": 4, "seconds": 1.5},
            "tuner:wall_s": 2,
            "tuner:settings": 12,
        }
    )
    assert (attrs.info.facts.input_shape, attrs.info.facts.rows, attrs.info.source) == ([64], {"train": 5}, {"seed": 3})
    assert (attrs.programs.traced, attrs.programs.seconds, attrs.wall_s, attrs.settings) == (4, 1.5, 2.0, 12)


@pytest.mark.parametrize("key", ["fallback_reason", "slower_as"])
def test_a_fallback_is_read_under_its_former_name_too(key: str) -> None:
    found = trial_attributes(finished(engine="fit", duration_s=1.5, **{key: "custom loss"}))
    assert (found.engine, found.duration_s, found.fallback_reason) == ("fit", 1.5, "custom loss")
    assert trial_attributes(finished()).fallback_reason is None


@pytest.mark.parametrize("attributes", [{"duration_s": "long"}, {"duration_s": -1.0}, {"engine": 3}, {"outcome": []}])
def test_an_attribute_of_another_type_is_refused(attributes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        trial_attributes(finished(**attributes))

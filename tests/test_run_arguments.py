"""The arguments of `tuner.run` are those of a study file."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

import tuner
from tuner.errors import UsageError
from tuner.runner.run_keywords import _INSTEAD
from tuner.study.study_file_sections import StudyFile


def test_each_key_of_a_study_file_is_an_argument() -> None:
    arguments = inspect.signature(tuner.run).parameters
    assert [key for key in StudyFile.model_fields if key not in arguments] == []
    documented = str(inspect.getdoc(tuner.run))
    assert [name for name in arguments if name not in documented] == []


@pytest.mark.parametrize(
    ("keyword", "step"),
    [
        ("callbacks", "has no keyword `callbacks`. Write a training loop of your own, as in search="),
        ("n_trials", "has no keyword `n_trials`. Write `trials`."),
        ("project_name", "Write `name`."),
        ("learning_rate", "It is a part of the search: write search={"),
        ("trails", "Did you mean `trials`? Known: study, model, data"),
        ("xyzzy", "has no keyword `xyzzy`. Known: study, model, data"),
    ],
)
def test_an_unknown_keyword_is_refused_with_what_to_write(keyword: str, step: str) -> None:
    given: dict[str, Any] = {keyword: 1}
    with pytest.raises(UsageError) as caught:
        tuner.run("s.toml", **given)
    assert step in str(caught.value)


@pytest.mark.parametrize("word", sorted(_INSTEAD))
def test_what_is_named_instead_is_an_argument(word: str) -> None:
    arguments = inspect.signature(tuner.run).parameters
    assert word not in arguments
    names = [name for found in re.findall(r"\b([a-z_]+)=|`([a-z_]+)`", _INSTEAD[word]) for name in found]
    assert {name for name in names if name} <= set(arguments)
    assert any(names)

"""The arguments of `tuner.run` are those of a study file."""

from __future__ import annotations

import inspect

import tuner
from tuner.study.study_file_sections import StudyFile


def test_each_key_of_a_study_file_is_an_argument() -> None:
    arguments = inspect.signature(tuner.run).parameters
    assert [key for key in StudyFile.model_fields if key not in arguments] == []
    documented = str(inspect.getdoc(tuner.run))
    assert [name for name in arguments if name not in documented] == []

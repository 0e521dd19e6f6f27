"""Call the parts of the user that a study names with a few rows, before any trial does."""

from __future__ import annotations

from functools import partial

from tuner.catalog import METRIC, import_tensorflow, try_user_code
from tuner.errors import ContentError, StudyFileError
from tuner.space import Dimension, Value
from tuner.study.problems import Problems
from tuner.study.resolve_recipe import resolve_recipe
from tuner.study.study_spec import StudySpec


def try_user_objects(spec: StudySpec) -> None:
    """Call each loss, metric, optimizer and the like of the user once, with a setting of the study that has it.

    Imports TensorFlow if there are any.  A training loop is tried by its first training.

    Raises:
        StudyFileError: Some fail, print, or return what they must not; all of them are named.
    """
    if not spec.user_objects.entries:
        return
    import_tensorflow()
    problems = Problems()
    for family, name in spec.user_objects.entries:
        recipe = resolve_recipe(spec, spec.space.resolve(partial(_choose, family, name)), 0)
        try:
            try_user_code(recipe, family)
        except ContentError as error:
            key = "objective.metric" if family == METRIC else f"search.{family}"
            problems.add_error(key, error, name)
    if problems.found:
        raise StudyFileError(spec.file, problems.found)


def _choose(family: str, name: str, dimension: Dimension) -> Value:
    """Return the part in its dimension, and the first value in the others."""
    return name if dimension.name == family else dimension.parameter.at(0)

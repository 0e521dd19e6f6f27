"""The study: from a study file to what is searched, and from the values of one trial to its recipe.

Importing this package imports neither Keras nor Optuna.
"""

from tuner.spec.execution import Execution, read_execution
from tuner.spec.fingerprint import LATER_KEYS, difference, fingerprint
from tuner.spec.kinds import trainings_of_a_kind
from tuner.spec.naming import name_of_file
from tuner.spec.read import read_study, read_study_dict
from tuner.spec.recipes import recipe_for
from tuner.spec.renamed_keys import with_new_names
from tuner.spec.schema import json_schema
from tuner.spec.study import Budget, StudySpec
from tuner.spec.values import duration_s

__all__ = [
    "LATER_KEYS",
    "Budget",
    "Execution",
    "StudySpec",
    "difference",
    "duration_s",
    "fingerprint",
    "json_schema",
    "name_of_file",
    "read_execution",
    "read_study",
    "read_study_dict",
    "recipe_for",
    "trainings_of_a_kind",
    "with_new_names",
]

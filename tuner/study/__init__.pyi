from .description import explain
from .file_schema import json_schema
from .problems import dotted_items
from .program_sharing_estimate import trials_per_program
from .python_study import STUDIES_FOLDER, PythonStudy, check_replaceable, python_study, replace_files, staged_files
from .renamed_keys import with_new_names
from .resolve_recipe import resolve_recipe
from .saturated_metrics import trained_advice
from .scaffold import new_project
from .scalars import duration_s
from .study_file_sections import Budget
from .study_file_syntax import STUDY_SUFFIXES
from .study_fingerprint import LATER_KEYS, code_hashes, difference, fingerprint
from .study_loader import read_study, read_study_dict
from .study_name import check_study_name, study_name_in
from .study_spec import StudySpec
from .training_length import resume_study
from .training_settings import Execution, read_execution
from .unvalidated_study import StudyOutline, read_outline
from .user_object_trial import try_user_objects
from .worker_limit import MOST_WORKERS

__all__ = [
    "STUDIES_FOLDER",
    "LATER_KEYS",
    "MOST_WORKERS",
    "STUDY_SUFFIXES",
    "Budget",
    "Execution",
    "PythonStudy",
    "StudyOutline",
    "StudySpec",
    "check_replaceable",
    "check_study_name",
    "code_hashes",
    "difference",
    "dotted_items",
    "duration_s",
    "explain",
    "fingerprint",
    "json_schema",
    "new_project",
    "python_study",
    "read_execution",
    "read_outline",
    "read_study",
    "read_study_dict",
    "replace_files",
    "resolve_recipe",
    "resume_study",
    "staged_files",
    "study_name_in",
    "trained_advice",
    "trials_per_program",
    "try_user_objects",
    "with_new_names",
]

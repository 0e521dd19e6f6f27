"""The private names of Optuna that this package uses; no other module imports one.

A test compares them with the installed version of Optuna: its table models with what its public calls write, and the
attributes of its objects (`trial._trial_id`) by name.
"""

from __future__ import annotations

from optuna._transform import _SearchSpaceTransform as SearchSpaceTransform
from optuna.samplers._tpe.sampler import _split_trials as split_trials
from optuna.samplers._tpe.sampler import default_gamma
from optuna.storages._rdb.models import (
    BaseModel,
    StudyModel,
    StudySystemAttributeModel,
    StudyUserAttributeModel,
    TrialIntermediateValueModel,
    TrialModel,
    TrialParamModel,
    TrialSystemAttributeModel,
    TrialUserAttributeModel,
    TrialValueModel,
)
from optuna.study._frozen import FrozenStudy

__all__ = [
    "BaseModel",
    "FrozenStudy",
    "SearchSpaceTransform",
    "StudyModel",
    "StudySystemAttributeModel",
    "StudyUserAttributeModel",
    "TrialIntermediateValueModel",
    "TrialModel",
    "TrialParamModel",
    "TrialSystemAttributeModel",
    "TrialUserAttributeModel",
    "TrialValueModel",
    "default_gamma",
    "split_trials",
]

"""The private names and system attributes of Optuna that this package uses; no other module has one.

A test compares them with the installed version of Optuna: its table models with what its public calls write, and the
attributes of its objects (`trial._trial_id`) by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = [
    "CONSTRAINT_PREFIX",
    "FIXED_PARAMS",
    "METRIC_NAMES",
    "RUNG_PREFIX",
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
    "fixed_params",
    "split_trials",
]

FIXED_PARAMS = "fixed_params"
"""System attribute of a trial: the parameters that it was enqueued with."""
CONSTRAINT_PREFIX = "constraints:"
"""Of the system attributes of a trial that `Trial.set_constraint` writes."""
RUNG_PREFIX = "completed_rung_"
"""Of the system attributes of a trial that successive halving writes: one per rung that it has completed."""
METRIC_NAMES = "study:metric_names"
"""System attribute of a study: the names of its objectives."""


def fixed_params(trial: FrozenTrial) -> dict[str, Any]:
    """Return the parameters that a trial was enqueued with."""
    return dict(trial.system_attrs.get(FIXED_PARAMS, {}))

"""The private names of Optuna that this package uses; no other module imports one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

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

from tuner.optuna_internals.stored_names import FIXED_PARAMS, REVISION

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna.pruners import BasePruner
    from optuna.storages import RDBStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial

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
    "existing_storage",
    "fixed_params",
    "hyperband_brackets",
    "split_trials",
]


def existing_storage(url: str, engine_kwargs: dict[str, Any]) -> RDBStorage:
    """Open Optuna's storage over existing tables, which are not changed.

    Its own check imports Alembic, a fifth of the time of `tuner list`; it is left out if the tables have the revision
    of the installed version.
    """
    from optuna.storages import RDBStorage
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.orm import scoped_session, sessionmaker

    engine = create_engine(url, **engine_kwargs)
    try:
        with engine.connect() as connection:
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    except SQLAlchemyError:
        found = []
    if list(found) != [REVISION]:
        engine.dispose()
        return RDBStorage(url, engine_kwargs=engine_kwargs, skip_table_creation=True)
    storage = RDBStorage.__new__(RDBStorage)
    storage.url, storage.engine_kwargs, storage.skip_compatibility_check = url, engine_kwargs, False
    storage.heartbeat_interval, storage.grace_period = None, None
    storage.heartbeat_stale_trial_callback = storage.failed_trial_callback = None
    storage.engine, storage.scoped_session = engine, scoped_session(sessionmaker(bind=engine))
    return storage


def hyperband_brackets(
    min_resource: int, max_resource: int, reduction_factor: int
) -> tuple[list[BasePruner], Callable[[Study, FrozenTrial], int]]:
    """Return Hyperband's pruner of each bracket, and the function that assigns a trial of a study to one."""
    from optuna.pruners import HyperbandPruner

    hyperband = HyperbandPruner(min_resource, max_resource, reduction_factor)
    hyperband._try_initialization(cast("Study", None))  # it reads a study only for a `max_resource` of "auto"
    return [*hyperband._pruners], hyperband._get_bracket_id


def fixed_params(trial: FrozenTrial) -> dict[str, Any]:
    """Return the parameters that a trial was enqueued with."""
    return dict(trial.system_attrs.get(FIXED_PARAMS, {}))

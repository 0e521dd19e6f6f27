"""The private names of Optuna that this package uses; no other module imports one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import optuna
from optuna._transform import _SearchSpaceTransform as SearchSpaceTransform
from optuna.samplers._tpe.sampler import _split_trials as split_trials
from optuna.samplers._tpe.sampler import default_gamma
from optuna.storages._rdb.models import (
    SCHEMA_VERSION,
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
    VersionInfoModel,
)
from optuna.study._frozen import FrozenStudy

from tuner.optuna_internals.stored_names import FIXED_PARAMS, REVISION

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna.pruners import BasePruner
    from optuna.storages import RDBStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial
    from sqlalchemy import Engine

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
    "fixed_params",
    "hyperband_brackets",
    "open_storage",
    "split_trials",
]


def open_storage(url: str, engine_kwargs: dict[str, Any], *, create: bool) -> RDBStorage:
    """Open Optuna's storage.

    Its constructor imports Alembic and every migration, 0.17 s of CPU, whenever a database is opened; it is left out if
    the tables have the revision of the installed version, or are created here.

    Args:
        url: Of the database.
        engine_kwargs: For SQLAlchemy's `create_engine`.
        create: Whether to create missing tables; otherwise nothing is changed.
    """
    from optuna.storages import RDBStorage
    from sqlalchemy import create_engine, inspect
    from sqlalchemy.orm import scoped_session, sessionmaker

    engine = create_engine(url, **engine_kwargs)
    try:
        if _is_newest_revision():
            tables = BaseModel.metadata.tables.keys()
            missing = tables - set(inspect(engine).get_table_names()) if create else set()
            if missing == tables:
                _create_tables(engine)
                missing = set()
            if not missing and _revisions(engine) == [REVISION]:
                storage = RDBStorage.__new__(RDBStorage)
                storage.url, storage.engine_kwargs, storage.skip_compatibility_check = url, engine_kwargs, False
                storage.heartbeat_interval, storage.grace_period = None, None
                storage.heartbeat_stale_trial_callback = storage.failed_trial_callback = None
                storage.engine, storage.scoped_session = engine, scoped_session(sessionmaker(bind=engine))
                return storage
    except BaseException:
        engine.dispose()
        raise
    engine.dispose()
    return RDBStorage(url, engine_kwargs=engine_kwargs, skip_table_creation=not create)


def _is_newest_revision() -> bool:
    """Return whether no migration of the installed version follows the revision that we know."""
    folder = Path(optuna.__file__).parent / "storages/_rdb/alembic/versions"
    migrations = [file.read_text(encoding="utf-8") for file in folder.glob("*.py")]
    made, follows = (
        re.compile(rf"""^{name} = ["']{re.escape(REVISION)}["']""", re.MULTILINE)
        for name in ("revision", "down_revision")
    )
    return any(map(made.search, migrations)) and not any(map(follows.search, migrations))


def _revisions(engine: Engine) -> list[str]:
    """Return the revisions in Alembic's table; an empty list if there is no such table."""
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with engine.connect() as connection:
            return list(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())
    except SQLAlchemyError:
        return []


def _create_tables(engine: Engine) -> None:
    """Create Optuna's tables, in its order: the revision comes last."""
    from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, String, Table
    from sqlalchemy.orm import Session

    key = PrimaryKeyConstraint("version_num", name="alembic_version_pkc")
    revision = Table("alembic_version", MetaData(), Column("version_num", String(32), nullable=False), key)
    BaseModel.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(VersionInfoModel(schema_version=SCHEMA_VERSION, library_version=optuna.__version__))
        session.commit()
    revision.create(engine)
    with engine.begin() as connection:
        connection.execute(revision.insert().values(version_num=REVISION))


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

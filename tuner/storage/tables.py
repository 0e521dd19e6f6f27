"""Our own tables, in the same database as Optuna's.

They hold what Optuna has no place for.  Rows name a trial by Optuna's `trial_id`.  There are no foreign keys
into Optuna's tables: Optuna deletes a study without knowing of ours, and must not fail on them.  Since SQLite gives the
ids of deleted rows away again, what stands under a new id is deleted first (`batch`, `lease`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Double,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
    update,
)

from tuner.errors import StorageError

if TYPE_CHECKING:
    from sqlalchemy import Engine

VERSION = 2
"""Version of the tables below; a database with a newer one is not touched."""

metadata = MetaData()

version = Table("tuner_version", metadata, Column("version", Integer, primary_key=True))

recipes = Table(
    "tuner_recipes",
    metadata,
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("recipe", JSON, nullable=False),
)

epochs = Table(
    "tuner_epochs",
    metadata,
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("fold", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("loss", Double),
    Column("val_loss", Double),
    Column("metric", Double),
    Column("learning_rate", Double),
    Column("seconds", Double),
)
"""One row an epoch; numbers that are not finite are stored as NULL."""

probes = Table(
    "tuner_probes",
    metadata,
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("fold", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("loss", Double),
    Column("constant_loss", Double),
)
"""One row a look at the health of a training; epoch 0 are the initial weights."""

layers = Table(
    "tuner_layers",
    metadata,
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("fold", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("layer", String(255), nullable=False),
    Column("gradient", Double),
    Column("update", Double),
    Column("dead", Double),
    Column("saturated", Double),
)
"""What was found in each layer, one row a layer and look; `position` counts from the input."""

verdicts = Table(
    "tuner_verdicts",
    metadata,
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("verdict", String(32), nullable=False),
    Column("layer", String(255)),
    Column("fold", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("number", Double),
    Column("threshold", Double),
    Column("text", Text, nullable=False),
)
"""What was found of a trial that has ended; position 0 is its verdict."""

OF_A_RUN = (epochs, probes, layers, verdicts)
"""What one run of a trial leaves; a trial that runs again begins without it."""

leases = Table(
    "tuner_leases",
    metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("owner", String(36), nullable=False),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", String(64), nullable=False),
    Column("seen", DateTime, nullable=False),
)
"""Who runs a study; `seen` is naive UTC."""


def prepare_tables(engine: Engine) -> None:
    """Create the tables where they are missing.

    Raises:
        StorageError: The database was written by a newer version of this package.
        DatabaseError: Another process is making the same tables now; another attempt finds them.
    """
    if inspect(engine).has_table(version.name):
        with engine.connect() as connection:
            found = connection.execute(select(version.c.version)).scalar()
        if found is not None and found > VERSION:
            raise StorageError(
                f"The database was written by a newer version of keras-studies (tables {found}, this one knows "
                f"{VERSION}). Upgrade keras-studies, or name another database with --storage."
            )
        if found == VERSION:
            return
        if found is not None:  # an older one: it lacks tables, and those that it has are as they were
            metadata.create_all(engine)
            with engine.begin() as connection:
                connection.execute(update(version).values(version=VERSION))
            return
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(version).values(version=VERSION))

"""Our own tables, in the same database as Optuna's.

They hold what Optuna has no place for.  Rows name a trial by Optuna's `trial_id`.  There are no foreign keys
into Optuna's tables: Optuna deletes a study without knowing of ours, and must not fail on them.  Since SQLite gives the
ids of deleted rows away again, what stands under a new id is deleted first (`batch`, `owners`).

A table that is added or changed needs a step in `migrations`.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Double, Index, Integer, LargeBinary, MetaData, String, Table, Text

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
    Column("gradient_norm", Double),
    Column("update_ratio", Double),
    Column("dead_share", Double),
    Column("saturated_share", Double),
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
    Column("value", Double),
    Column("threshold", Double),
    Column("text", Text, nullable=False),
)
"""What was found of a trial that has ended; position 0 is its verdict."""

OF_A_RUN = (epochs, probes, layers, verdicts)
"""What one run of a trial leaves; a trial that runs again begins without it."""

checkpoints = Table(
    "tuner_checkpoints",
    metadata,
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("fold", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("state", Text, nullable=False),
    Column("content", LargeBinary(2**32 - 1), nullable=False),
)
"""Where trials that are not finished go on from (`checkpoints.StoredCheckpoint`).  MySQL would else cut at 64 kB."""

studies = Table(
    "tuner_studies",
    metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
)
"""The row of a study is locked by who writes to it; `revision` counts how often that was."""

owners = Table(
    "tuner_owners",
    metadata,
    Column("owner", String(36), primary_key=True),
    Column("study_id", Integer, nullable=False, index=True),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", String(64), nullable=False),
    Column("heartbeat_at", BigInteger, nullable=False),
    Column("coordinator_index", Integer, nullable=False),
    Column("transaction", BigInteger, nullable=False),
)
"""Who runs a study (`owners.Owner`)."""

trials = Table(
    "tuner_trials",
    metadata,
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("study_id", Integer, nullable=False),
    Column("owner", String(36)),
    Column("revision", BigInteger, nullable=False),
    Index("ix_tuner_trials_revision", "study_id", "revision"),
)
"""Who runs a trial (NULL for nobody), and in which turn of its study it was written last."""

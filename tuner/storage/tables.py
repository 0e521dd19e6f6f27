"""Our own tables, in the same database as Optuna's.

They hold what Optuna has no place for.  Rows name a trial by Optuna's `trial_id`.  There are no foreign keys into
Optuna's tables: Optuna deletes a study without knowing of ours, and must not fail on them.  Since SQLite reuses the ids
of deleted rows, rows of a new id are deleted first (`optuna_rows`, `lease_table`).

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
"""One row per epoch; numbers that are not finite are stored as NULL."""

probes = Table(
    "tuner_probes",
    metadata,
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("fold", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("loss", Double),
    Column("constant_loss", Double),
)
"""One row per probe of a training; epoch 0 is that of the initial weights."""

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
"""One row per probe and layer; `position` counts from the input."""

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
"""Findings on the health of a finished trial; position 0 is its verdict."""

OF_A_RUN = (epochs, probes, layers, verdicts)
"""Tables with the records of one run of a trial; they are cleared when it runs again."""

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
"""Checkpoints of unfinished trials (`checkpoints.StoredCheckpoint`); without a length MySQL would cut them at 64 kB."""

studies = Table(
    "tuner_studies",
    metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
)
"""One row per study, locked by each transaction that writes to it; `revision` counts them."""

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
"""Leases of the coordinators of studies (`lease.Lease`)."""

trials = Table(
    "tuner_trials",
    metadata,
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("study_id", Integer, nullable=False),
    Column("owner", String(36)),
    Column("revision", BigInteger, nullable=False),
    Index("ix_tuner_trials_revision", "study_id", "revision"),
)
"""Lease owner of each trial (NULL if it does not run), and the revision of its study that wrote it last."""

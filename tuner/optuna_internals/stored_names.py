"""Names that Optuna stores in its tables; known without importing Optuna, which takes 0.2 s."""

from __future__ import annotations

FIXED_PARAMS = "fixed_params"
"""System attribute of a trial: the parameters that it was enqueued with."""
CONSTRAINT_PREFIX = "constraints:"
"""Of the system attributes of a trial that `Trial.set_constraint` writes."""
RUNG_PREFIX = "completed_rung_"
"""Of the system attributes of a trial that successive halving writes: one per rung that it has completed."""
METRIC_NAMES = "study:metric_names"
"""System attribute of a study: the names of its objectives."""
REVISION = "v3.2.0.a"
"""Of Optuna's tables, as Alembic knows it."""

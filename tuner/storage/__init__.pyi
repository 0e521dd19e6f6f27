from .checkpoints import StoredCheckpoint
from .database import Database, open_database, open_read_only
from .database_url import default_url, hidden, redacted
from .leases import HEARTBEAT_INTERVAL_S
from .noting import set_study_attr
from .queries import (
    StudyRecord,
    epochs_run,
    read_epochs,
    read_probes,
    read_recipe,
    read_recipes,
    read_study_record,
    read_verdicts,
    study_names,
)
from .retry import PATIENCE_S, RetryPolicy, open_patiently
from .study_session import StudySession, silence_optuna

__all__ = [
    "HEARTBEAT_INTERVAL_S",
    "PATIENCE_S",
    "Database",
    "RetryPolicy",
    "StoredCheckpoint",
    "StudyRecord",
    "StudySession",
    "default_url",
    "epochs_run",
    "hidden",
    "open_database",
    "open_patiently",
    "open_read_only",
    "read_epochs",
    "read_probes",
    "read_recipe",
    "read_recipes",
    "read_study_record",
    "read_verdicts",
    "redacted",
    "set_study_attr",
    "silence_optuna",
    "study_names",
]

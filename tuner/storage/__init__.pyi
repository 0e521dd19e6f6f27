from .checkpoints import StoredCheckpoint
from .database import Database, open_database, open_read_only
from .database_url import default_url, hidden, redacted
from .leases import SEEN_EVERY_S
from .noting import note
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
from .retry import Outage, open_patiently
from .study_session import StudyStore, quiet

__all__ = [
    "SEEN_EVERY_S",
    "Database",
    "Outage",
    "StoredCheckpoint",
    "StudyRecord",
    "StudyStore",
    "default_url",
    "epochs_run",
    "hidden",
    "note",
    "open_database",
    "open_patiently",
    "open_read_only",
    "quiet",
    "read_epochs",
    "read_probes",
    "read_recipe",
    "read_recipes",
    "read_study_record",
    "read_verdicts",
    "redacted",
    "study_names",
]

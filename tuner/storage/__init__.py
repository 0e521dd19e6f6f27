"""Databases: Optuna's storage with our settings, our own tables, and the study that one process holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuner.storage.address import default_url, hidden, redacted
    from tuner.storage.checkpoints import StoredCheckpoint
    from tuner.storage.database import Database, open_database, open_read_only, storage_errors
    from tuner.storage.noting import note
    from tuner.storage.outage import Outage, open_patiently
    from tuner.storage.owners import SEEN_EVERY_S
    from tuner.storage.reading import (
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
    from tuner.storage.store import StudyStore, quiet

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
    "storage_errors",
    "study_names",
]

_MODULES = {
    "checkpoints": ("StoredCheckpoint",),
    "address": ("default_url", "hidden", "redacted"),
    "database": ("Database", "open_database", "open_read_only", "storage_errors"),
    "reading": (
        *("StudyRecord", "epochs_run", "read_epochs", "read_probes", "read_recipe", "read_recipes"),
        *("read_study_record", "read_verdicts", "study_names"),
    ),
    "outage": ("Outage", "open_patiently"),
    "owners": ("SEEN_EVERY_S",),
    "store": ("StudyStore", "quiet"),
    "noting": ("note",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load what is asked for: Optuna and SQLAlchemy cost 0.6 s, which `tuner --help` does not pay."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)

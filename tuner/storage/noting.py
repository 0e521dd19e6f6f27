"""Keep something with a study that nobody needs to hold for it."""

from __future__ import annotations

from typing import Any

from tuner.storage.database import Database, storage_errors


def set_study_attr(database: Database, study_id: int, key: str, value: Any) -> None:
    """Set a user attribute of a study, plain JSON, also while another process runs the study.

    Raises:
        StorageError: It cannot be written.
    """
    with storage_errors(database.url):
        database.optuna.set_study_user_attr(study_id, key, value)

"""optuna-dashboard over one of our databases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tuner.storage import Database

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


def dashboard_app(database: Database) -> WSGIApplication:
    """optuna-dashboard as it is, without any guard.

    It is given a caching storage over our connection, not a URL: finished trials are read once, and a refresh of
    a study with 5,000 trials takes 0.3 s instead of 5 s.
    """
    import optuna_dashboard
    from optuna.artifacts import FileSystemArtifactStore
    from optuna.storages import get_storage

    folder = artifact_folder(database)
    store = FileSystemArtifactStore(folder) if folder is not None else None
    app: WSGIApplication = optuna_dashboard.wsgi(get_storage(database.optuna), artifact_store=store)
    return app


def artifact_folder(database: Database) -> Path | None:
    """The folder `artifacts` beside a SQLite database; None for other databases, and where there is none."""
    url = database.engine.url
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    folder = Path(url.database).parent / "artifacts"
    return folder if folder.is_dir() else None

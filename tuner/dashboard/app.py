"""Assemble the WSGI application of the dashboard: our pages of a database, and optuna-dashboard with our additions."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.dashboard.wsgi_messages import send
from tuner.storage import Database
from tuner.text import one_line

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from tuner.dashboard.cached_database import CachedDatabase

_log = logging.getLogger(__name__)


def dashboard_app(database: Database, *, editable: bool = False) -> WSGIApplication:
    """Build our pages and optuna-dashboard with our additions, without access control.

    Args:
        database: The database to show.
        editable: Whether notes can be written.
    """
    import optuna_dashboard

    from tuner.dashboard.cached_database import CachedDatabase
    from tuner.dashboard.dashboard_middleware import Overlay
    from tuner.dashboard.edit_validation import ValidatedEdits
    from tuner.dashboard.page_router import PageRouter
    from tuner.dashboard.panel_cache import Panels
    from tuner.dashboard.safe_artifact_store import ArtifactFolder
    from tuner.dashboard.study_edits import StudyEdits

    folder = artifact_folder(database)
    store = ArtifactFolder(folder) if folder is not None else None
    cached = CachedDatabase(database)
    app = optuna_dashboard.wsgi(cached.optuna, artifact_store=store)
    app.catchall = False  # `_in_words` reports failures
    panels = Panels(cached)
    shown = PageRouter(Overlay(_never_empty(app), panels, editable), cached, panels)
    return _in_words(ValidatedEdits(StudyEdits(shown, cached), cached.optuna) if editable else shown, cached)


def artifact_folder(database: Database) -> Path | None:
    """Return the folder `artifacts` next to a SQLite database, or None if there is no such folder."""
    url = database.engine.url
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    folder = Path(url.database).parent / "artifacts"
    return folder if folder.is_dir() else None


def _in_words(app: WSGIApplication, database: CachedDatabase) -> WSGIApplication:
    """Wrap `app` to turn exceptions into a short answer and a line in the log: a database may hold anything."""
    from optuna.artifacts.exceptions import ArtifactNotFound

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return app(environ, start_response)
        except ArtifactNotFound:
            status, text = HTTPStatus.NOT_FOUND, "There is no such artifact."
        except Exception as error:
            status, text = HTTPStatus.INTERNAL_SERVER_ERROR, "The database contains something that cannot be shown."
            if database.away(error):
                status = HTTPStatus.SERVICE_UNAVAILABLE
                text = "The database cannot be used now: the log of the dashboard says why. Load the page again later."
            asked = one_line(f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')[:200]}")
            _log.error("%s cannot be answered: %s: %s", asked, type(error).__name__, one_line(error)[:500])
        return send(environ, start_response, status, "text/plain; charset=utf-8", text.encode())

    return answer


def _never_empty(app: WSGIApplication) -> WSGIApplication:
    """Wrap `app` to send `200 {}` instead of `204 No Content`.

    The page of optuna-dashboard 0.21 parses every answer as JSON.  It takes an empty one for an error, and shows a
    saved note, or a deleted study, as if nothing had happened.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        empty = False

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal empty
            empty = status.startswith("204 ")
            if empty:
                status, headers = "200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")]
            return start_response(status, headers, exc_info)

        parts = app(environ, start)
        return [b"{}"] if empty else parts

    return answer

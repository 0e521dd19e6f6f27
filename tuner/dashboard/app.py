"""optuna-dashboard over one of our databases."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.storage import Database
from tuner.text import one_line

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_log = logging.getLogger(__name__)


def dashboard_app(database: Database, *, editable: bool = False) -> WSGIApplication:
    """optuna-dashboard with our panels, without any guard.

    Args:
        database: Whose studies to show.
        editable: Whether notes can be written.
    """
    import optuna_dashboard

    from tuner.dashboard.cached_database import CachedDatabase
    from tuner.dashboard.panel_overlay import Overlay
    from tuner.dashboard.panels import Panels
    from tuner.dashboard.stored_artifacts import ArtifactFolder

    folder = artifact_folder(database)
    store = ArtifactFolder(folder) if folder is not None else None
    cached = CachedDatabase(database)
    app = optuna_dashboard.wsgi(cached.optuna, artifact_store=store)
    app.catchall = False  # a failure is told in our words
    return _in_words(Overlay(_never_empty(app), Panels(cached), editable))


def artifact_folder(database: Database) -> Path | None:
    """The folder `artifacts` beside a SQLite database; None for other databases, and where there is none."""
    url = database.engine.url
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    folder = Path(url.database).parent / "artifacts"
    return folder if folder.is_dir() else None


def _in_words(app: WSGIApplication) -> WSGIApplication:
    """`app` with a short answer, and one line in the log, if it fails: a database may hold what cannot be shown."""
    from optuna.artifacts.exceptions import ArtifactNotFound

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return app(environ, start_response)
        except ArtifactNotFound:
            status, text = HTTPStatus.NOT_FOUND, "There is no such artefact."
        except Exception as error:
            asked = one_line(f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')[:200]}")
            _log.error("%s cannot be answered: %s: %s", asked, type(error).__name__, one_line(error)[:500])
            status, text = HTTPStatus.INTERNAL_SERVER_ERROR, "The database holds something that cannot be shown here."
        body = text.encode()
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return answer


def _never_empty(app: WSGIApplication) -> WSGIApplication:
    """`app` with `200 {}` in place of each `204 No Content`.

    The page of optuna-dashboard 0.21 reads every answer as JSON.  An answer without content is an error to it: a
    note that was saved, or a study that was deleted, is then shown as if it had not been.
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

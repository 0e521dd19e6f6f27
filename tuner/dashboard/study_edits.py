"""Rename and delete studies as `tuner rename` and `tuner rm` do.

optuna-dashboard renames by a copy, which loses recipes and epochs, and deletes artifacts without asking whether the
study runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tuner.dashboard.wsgi_messages import read_body, request_path, send_json
from tuner.errors import StudyBusyError, UsageError
from tuner.storage import Database, check_idle, rename_study
from tuner.study import check_study_name

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_STUDY = re.compile(r"/api/studies/(\d+)(/rename)?")


class StudyEdits:
    """A WSGI application that renames studies, and lets another one delete those that no process runs.

    Args:
        app: optuna-dashboard; it edits studies with several objectives.
        database: What is edited.
    """

    def __init__(self, app: WSGIApplication, database: Database) -> None:
        self._app, self._database = app, database

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        asked = _STUDY.fullmatch(request_path(environ))
        edit = (environ["REQUEST_METHOD"], asked and asked[2])
        if asked is None or edit not in (("POST", "/rename"), ("DELETE", None)) or self._is_foreign(int(asked[1])):
            return self._app(environ, start_response)
        study_id = int(asked[1])
        name = self._database.optuna.get_study_name_from_id(study_id)
        try:
            if edit[0] == "DELETE":
                # Before the artifacts go; `CachedDatabase` checks again when it deletes the study.
                check_idle(self._database, study_id, name, "deleted")
                return self._app(environ, start_response)
            new = json.loads(read_body(environ))["study_name"]
            check_study_name(new)
            rename_study(self._database, name, new)
        except (StudyBusyError, UsageError) as error:
            status = HTTPStatus.CONFLICT if isinstance(error, StudyBusyError) else HTTPStatus.BAD_REQUEST
            return send_json(environ, start_response, status, {"reason": str(error)})
        return send_json(environ, start_response, HTTPStatus.CREATED, self._summary(study_id, environ))

    def _is_foreign(self, study_id: int) -> bool:
        return len(self._database.optuna.get_study_directions(study_id)) > 1

    def _summary(self, study_id: int, environ: WSGIEnvironment) -> dict[str, Any]:
        """Return a study as the list of optuna-dashboard describes it."""
        parts = self._app({**environ, "REQUEST_METHOD": "GET", "PATH_INFO": "/api/studies"}, lambda *_: None)  # type: ignore[arg-type]
        summaries = json.loads(b"".join(parts))["study_summaries"]
        return next(summary for summary in summaries if summary["study_id"] == study_id)

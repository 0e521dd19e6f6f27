"""Middleware that adds our notes, files and numbers to the answers of optuna-dashboard.

The application itself sees only the database.  So our additions are never stored, not even by an edit or by renaming a
study, and the guard knows every request that changes a study.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from tuner.dashboard.pages import amend_page
from tuner.dashboard.panel_cache import MARK, Panels
from tuner.dashboard.wsgi_messages import read_body, send

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_STUDY = re.compile(r"/api/studies/(\d{1,18})/?")
_IMPORTANCES = re.compile(r"/api/studies/(\d{1,18})/param_importances/?")
_NOTE = re.compile(r"/api/studies/\d+(/\d+)?/note/?")
_TABLE = re.compile(r"/csv/(\d{1,18})/?")
_FILE = re.compile(r"/artifacts/(\d{1,18})/(\d{1,18})/([0-9a-f-]{36})/?")
_NO_CACHE = ("Cache-Control", "no-cache")


class Overlay:
    """A WSGI application that adds ours to the answers of another one.

    Args:
        app: optuna-dashboard.
        panels: The panels.
        editable: Whether notes can be written: then each has the line below which users write.
    """

    def __init__(self, app: WSGIApplication, panels: Panels, editable: bool) -> None:
        self._app, self._panels, self._editable = app, panels, editable

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        if method == "GET" and path.rstrip("/") == "/api/meta":
            return self._changed(_with_files, environ, start_response)
        if method == "GET" and (study := _STUDY.fullmatch(path)):
            return self._changed(lambda content: self._add(int(study[1]), content), environ, start_response)
        if method == "GET" and (importances := _IMPORTANCES.fullmatch(path)):
            return self._changed(lambda content: self._agree(int(importances[1]), content), environ, start_response)
        if method == "GET" and (path == "/dashboard" or path.startswith("/dashboard/")):
            return self._amended(environ, start_response)
        if method in ("GET", "HEAD") and (asked := _FILE.fullmatch(path)):
            file = self._panels.file(int(asked[1]), int(asked[2]), asked[3])
            if file is not None:
                kind, content = file
                return send(environ, start_response, HTTPStatus.OK, kind, content.encode(), _NO_CACHE)
        if method == "GET" and (asked := _TABLE.fullmatch(path)):
            return self._table(int(asked[1]), environ, start_response)
        if method == "PUT" and _NOTE.fullmatch(path):
            _keep_theirs(environ)
        return self._app(environ, start_response)

    def _table(self, study_id: int, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send the trials as CSV; optuna-dashboard's may contain formulas, and breaks on a study name with newlines."""
        chosen = parse_qs(environ.get("QUERY_STRING", "")).get("trial_ids")
        try:
            numbers = None if chosen is None else {int(number) for number in chosen[0].split(",")}
        except ValueError:
            return self._app(environ, start_response)  # which reports the error
        text = self._panels.table(study_id, numbers)
        if text is None:
            return self._app(environ, start_response)
        name = ("Content-Disposition", f"attachment; filename=study-{study_id}.csv")
        kind = "text/csv; charset=utf-8"
        return send(environ, start_response, HTTPStatus.OK, kind, text.encode(), _NO_CACHE, name)

    def _amended(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send the page with our additions, whole: what the browser has of it may be without them."""
        for name in ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH", "HTTP_RANGE"):
            environ.pop(name, None)
        started: list[Any] = []
        parts = self._app(environ, lambda *arguments: started.append(arguments))  # type: ignore[arg-type]
        status, headers, *_ = started[-1]
        page = b"".join(parts).decode()
        if hasattr(parts, "close"):
            parts.close()  # a file
        body = amend_page(page, self._editable).encode()
        dropped = ("content-length", "last-modified", "etag", "accept-ranges")
        kept = [(name, value) for name, value in headers if name.lower() not in dropped]
        start_response(status, [*kept, ("Content-Length", str(len(body))), _NO_CACHE])
        return [body]

    def _agree(self, study_id: int, content: dict[str, Any]) -> None:
        """Replace the importances by ours: two different ones of one study would leave nobody wiser."""
        ours = self._panels.importances(study_id)
        rows = content["param_importances"]
        if ours is None or len(rows) != 1:
            return
        known = [{**row, "importance": ours[row["name"]]} for row in rows[0] if row["name"] in ours]
        content["param_importances"] = [sorted(known, key=lambda row: -row["importance"])]

    def _add(self, study_id: int, content: dict[str, Any]) -> None:
        self._panels.add_to(study_id, content)
        if self._editable:
            for thing in [content, *content["trials"], *content["best_trials"]]:
                if MARK not in thing["note"]["body"]:
                    thing["note"]["body"] += f"\n\n---\n\n{MARK}\n\n"

    def _changed(
        self, change: Callable[[dict[str, Any]], None], environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Change the answer of the application if it is a success."""
        started: list[Any] = []
        parts = self._app(environ, lambda *arguments: started.append(arguments))  # type: ignore[arg-type]
        body = b"".join(parts)
        status, headers, *_ = started[-1]
        if status.startswith("200 "):
            content = json.loads(body)
            change(content)
            body = json.dumps(content).encode()
            headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
            headers.append(("Content-Length", str(len(body))))
        start_response(status, headers)
        return [body]


def _with_files(content: dict[str, Any]) -> None:
    # Our files need no folder.  Without one, uploads are refused, with the reason.
    content["artifact_is_available"] = True


def _keep_theirs(environ: WSGIEnvironment) -> None:
    """Remove our part of a note that is to be saved: it is generated on each request."""
    body = read_body(environ)
    try:
        content = json.loads(body)
        content["body"] = content["body"].split(MARK, 1)[-1].strip("\n")
        body = json.dumps(content).encode()
    except (ValueError, TypeError, KeyError, AttributeError):
        pass  # the application reports the error
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))

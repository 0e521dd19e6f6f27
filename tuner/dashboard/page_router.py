"""Route requests to our pages, and all others to optuna-dashboard."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tuner.dashboard.pages import asset, missing_page, studies_page, study_page, trial_page, waiting_page
from tuner.dashboard.panel_cache import Panels
from tuner.dashboard.study_list import read_list
from tuner.dashboard.wsgi_messages import send
from tuner.storage import Database

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_STUDY = re.compile(r"/studies/(\d{1,18})/?")
_TRIAL = re.compile(r"/studies/(\d{1,18})/trials/(\d{1,9})/?")
_ASSET = re.compile(r"/assets/([a-z.]+)")
_HTML = "text/html; charset=utf-8"


class PageRouter:
    """A WSGI application that answers our pages, and passes everything else on.

    Args:
        app: optuna-dashboard with our additions.
        database: Read, never written.
        panels: What is known of its studies.
    """

    def __init__(self, app: WSGIApplication, database: Database, panels: Panels) -> None:
        self._app, self._database, self._panels = app, database, panels

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        path = environ.get("PATH_INFO", "")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self._app(environ, start_response)
        if found := _ASSET.fullmatch(path):
            packed = _packed(found[1])
            if packed is not None:
                return _send_packed(environ, start_response, *packed, ("Cache-Control", "max-age=31536000, immutable"))
        if path in ("", "/"):
            return _page(
                environ,
                start_response,
                studies_page(read_list(self._database), PurePosixPath(urlsplit(self._database.url).path).name),
            )
        if found := _STUDY.fullmatch(path):
            return self._study(int(found[1]), environ, start_response)
        if found := _TRIAL.fullmatch(path):
            return self._trial(int(found[1]), int(found[2]), environ, start_response)
        return self._app(environ, start_response)

    def _study(self, study_id: int, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        shown = self._panels.study(study_id)
        if shown is not None:
            results, body = shown
            name = results.study.record.name
            return _page(environ, start_response, waiting_page(name) if body is None else study_page(results, body))
        if any(study._study_id == study_id for study in self._database.optuna.get_all_studies()):
            # With several objectives, or values that cannot be read, there is no report.
            start_response("302 Found", [("Location", f"/dashboard/studies/{study_id}"), ("Content-Length", "0")])
            return []
        return _page(environ, start_response, missing_page(), HTTPStatus.NOT_FOUND)

    def _trial(
        self, study_id: int, number: int, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        shown = self._panels.trial(study_id, number)
        if shown is None:
            return _page(environ, start_response, missing_page(), HTTPStatus.NOT_FOUND)
        return _page(environ, start_response, trial_page(*shown))


@lru_cache(maxsize=8)
def _packed(name: str) -> tuple[str, bytes] | None:
    """Return MIME type and compressed content of an asset."""
    found = asset(name)
    return None if found is None else (found[0], gzip.compress(found[1].encode(), 6))


def _page(
    environ: WSGIEnvironment, start_response: StartResponse, text: str, status: HTTPStatus = HTTPStatus.OK
) -> list[bytes]:
    body = text.encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    kept = ("Cache-Control", "no-cache")  # ask each time whether it has changed
    if status == HTTPStatus.OK and environ.get("HTTP_IF_NONE_MATCH") == tag:
        start_response("304 Not Modified", [("ETag", tag), kept])
        return []
    return _send_packed(environ, start_response, _HTML, gzip.compress(body, 1), ("ETag", tag), kept, status=status)


def _send_packed(
    environ: WSGIEnvironment,
    start_response: StartResponse,
    kind: str,
    packed: bytes,
    *more: tuple[str, str],
    status: HTTPStatus = HTTPStatus.OK,
) -> list[bytes]:
    """Send content that is compressed, or plain to the few who cannot read that."""
    accepts = "gzip" in environ.get("HTTP_ACCEPT_ENCODING", "")
    body = packed if accepts else gzip.decompress(packed)
    encoding = [("Content-Encoding", "gzip")] if accepts else []
    return send(environ, start_response, status, kind, body, ("Vary", "Accept-Encoding"), *more, *encoding)

"""Requests and answers of WSGI applications (PEP 3333)."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


def request_path(environ: WSGIEnvironment) -> str:
    """Return the path of a request without slashes at its end, which optuna-dashboard ignores."""
    path: str = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8")
    return path.rstrip("/")


def read_body(environ: WSGIEnvironment) -> bytes:
    """Read the body of a request, and put it back for the next application."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def send(
    environ: WSGIEnvironment,
    start_response: StartResponse,
    status: HTTPStatus,
    kind: str,
    body: bytes,
    *more: tuple[str, str],
) -> list[bytes]:
    """Answer a request; HEAD gets the headers only.

    Args:
        environ: The request.
        start_response: See PEP 3333.
        status: Of the answer.
        kind: MIME type of the body.
        body: What GET gets.
        more: Other headers.
    """
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), *more]
    start_response(f"{status.value} {status.phrase}", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def send_json(
    environ: WSGIEnvironment, start_response: StartResponse, status: HTTPStatus, content: Mapping[str, Any]
) -> list[bytes]:
    """Answer a request with JSON."""
    return send(environ, start_response, status, "application/json", json.dumps(content).encode())

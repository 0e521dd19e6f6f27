"""Access control of the dashboard, as WSGI middleware.

optuna-dashboard 0.21 has no authentication and checks neither `Host` nor `Origin`: any page that a user has open could
delete their studies.  The guard checks each request before it, in this order:

1. `Host` names this dashboard (no DNS rebinding), else 403;
2. the request does not come from another site's page, else 403;
3. its sender has signed in or has the token, if one is needed, else 401; 429 after too many wrong tokens;
4. it changes nothing, or edits are allowed and it comes from our own page, else 403.

A refused request never reaches the application.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

from tuner.dashboard.address import Address
from tuner.dashboard.headers import OWN, content_security_policy, secured
from tuner.dashboard.launch_page import redirect_html
from tuner.dashboard.login_attempts import Attempts
from tuner.dashboard.token import Token, address_token, bearer_token
from tuner.dashboard.wsgi_messages import read_body, send

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing; a test checks every GET route of optuna-dashboard."""

_FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_FOR")
"""Headers from which the application would build URLs; no proxy is trusted to set them."""

_NUMBER = re.compile(r"\d{1,18}")


@dataclass(frozen=True)
class _Refusal:
    status: HTTPStatus
    reason: str
    headers: tuple[tuple[str, str], ...] = ()


class Guard:
    """A WSGI application that passes allowed requests to another one.

    Args:
        app: The protected application.
        address: The address that we listen on.
        token: The token of authorized requests, or None if none is needed.
        allow_edit: Whether studies may be changed.
    """

    def __init__(self, app: WSGIApplication, address: Address, token: Token | None, allow_edit: bool) -> None:
        self._app, self._address, self._token, self._allow_edit = app, address, token, allow_edit
        self._attempts = Attempts()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        for name in _FORWARDED:
            environ.pop(name, None)
        environ.setdefault("HTTP_ACCEPT_ENCODING", "")  # optuna-dashboard fails without it
        refusal = self._foreign_refusal(environ)
        if refusal is None and self._token is not None and not self._token.in_cookie(environ):
            program = bearer_token(environ)
            refusal = self._stranger_refusal(
                self._token, address_token(environ) if program is None else program, environ
            )
            if refusal is None and program is None:
                return _signed_in(self._token, environ, start_response)
        refusal = refusal or self._edit_refusal(environ) or _malformed_refusal(environ)
        if refusal is not None:
            return _refuse(refusal, environ, start_response)
        _only_ascii(environ)
        policy = content_security_policy(environ.get("PATH_INFO", ""))
        return self._app(environ, _with_headers(start_response, policy))

    def _foreign_refusal(self, environ: WSGIEnvironment) -> _Refusal | None:
        """Return the refusal of a request for another host or from another site, else None."""
        host = environ.get("HTTP_HOST", "")
        if not self._address.means_us(host):
            return _Refusal(
                HTTPStatus.FORBIDDEN,
                f"This dashboard does not answer to the host name {host[:100]!r}. Open {self._address.url}, or start "
                "it with --host and the name to use.",
            )
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and origin.lower() != f"{environ['wsgi.url_scheme']}://{host}".lower():
            return _FOREIGN_PAGE
        # Browsers send no Origin with a script or an image of another site, but they do say this.
        site, mode = environ.get("HTTP_SEC_FETCH_SITE", ""), environ.get("HTTP_SEC_FETCH_MODE", "")
        if site in ("cross-site", "same-site") and (mode != "navigate" or environ["REQUEST_METHOD"] != "GET"):
            return _FOREIGN_PAGE
        return None

    def trusts(self, headers: Mapping[str, str], address: str) -> bool:
        """Check that the headers of a request authorize it; wrong tokens count as attempts."""
        if self._token is None or self._token.in_cookie(headers):
            return True
        return self._stranger_refusal(self._token, bearer_token(headers), {"REMOTE_ADDR": address}) is None

    def _stranger_refusal(self, token: Token, given: str | None, environ: Mapping[str, Any]) -> _Refusal | None:
        """Return the refusal of a request without the right token that is not signed in, else None."""
        if given is None:
            return _NO_TOKEN
        address = environ.get("REMOTE_ADDR", "")
        wait_s = self._attempts.wait_s(address)
        if wait_s:
            reason = f"Too many wrong tokens came from {address or 'this address'}. Try again in {wait_s} s."
            return _Refusal(HTTPStatus.TOO_MANY_REQUESTS, reason, (("Retry-After", str(wait_s)),))
        if token.matches(given):
            return None
        self._attempts.wrong(address)
        return _NO_TOKEN

    def _edit_refusal(self, environ: WSGIEnvironment) -> _Refusal | None:
        """Return the refusal of a request to change a study that may not, else None."""
        if environ["REQUEST_METHOD"] in SAFE_METHODS:
            return None
        if not self._allow_edit:
            return _READ_ONLY
        return None if "HTTP_ORIGIN" in environ else _NO_ORIGIN


_FOREIGN_PAGE = _Refusal(HTTPStatus.FORBIDDEN, "This dashboard does not answer to pages of other sites.")
_NO_TOKEN = _Refusal(
    HTTPStatus.UNAUTHORIZED,
    "This dashboard needs its token. Open the address with ?token=… that `tuner dashboard` printed, "
    "or send the header Authorization: Bearer ….",
    (("WWW-Authenticate", 'Bearer realm="tuner dashboard"'),),
)
_READ_ONLY = _Refusal(
    HTTPStatus.FORBIDDEN, "This dashboard is read-only. Start it with `tuner dashboard --allow-edit` to change studies."
)
_NO_ORIGIN = _Refusal(
    HTTPStatus.FORBIDDEN,
    "A request that changes a study must say where it comes from: send an Origin header with the dashboard's address.",
)


def _malformed_refusal(environ: WSGIEnvironment) -> _Refusal | None:
    """Return the refusal of a request that optuna-dashboard would fail on or take for another one, else None."""
    try:
        environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8")
    except UnicodeError:
        return _Refusal(HTTPStatus.BAD_REQUEST, "The path of an address must be UTF-8.")
    if not _NUMBER.fullmatch(environ.get("CONTENT_LENGTH") or "0"):
        return _Refusal(HTTPStatus.BAD_REQUEST, "Content-Length must be a number of bytes.")
    numbers = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True).get("after", [])
    if not all(_NUMBER.fullmatch(number) for number in numbers):
        return _Refusal(HTTPStatus.BAD_REQUEST, "`after` must be the number of a trial.")
    if environ["REQUEST_METHOD"] in ("POST", "PUT", "PATCH") and not _has_object(environ):
        return _Refusal(HTTPStatus.BAD_REQUEST, "The body of a request must be a JSON object (application/json).")
    return None


def _only_ascii(environ: WSGIEnvironment) -> None:
    """Replace non-ASCII bytes of headers: they mean nothing, and optuna-dashboard decodes them as UTF-8."""
    for name in environ:
        if name.startswith(("HTTP_", "CONTENT_")):
            environ[name] = environ[name].encode("ascii", "replace").decode()


def _has_object(environ: WSGIEnvironment) -> bool:
    """Check that the body starts like a JSON object, and is declared as one; the application parses it."""
    body = read_body(environ)
    kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    return kind == "application/json" and body.lstrip()[:1] == b"{"


def _refuse(refusal: _Refusal, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    reason, start = refusal.reason, _with_headers(start_response, OWN)
    if environ.get("PATH_INFO", "").startswith("/api/"):  # the form that the dashboard's page expects
        kind, text = "application/json", json.dumps({"reason": reason})
    else:
        kind, text = "text/plain; charset=utf-8", f"{reason}\n"
    return send(environ, start, refusal.status, kind, text.encode(), *refusal.headers)


def _signed_in(token: Token, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Swap the token in the address for a cookie, and continue at the address without it.

    By a page, not a redirect: after a click on a link in another site's page (a chat, a mailbox) the browser withholds
    a SameSite=Strict cookie from everything the redirect leads to.
    """
    path = "/" + quote(environ.get("PATH_INFO", "").lstrip("/"), encoding="latin-1")
    extra = [("Set-Cookie", token.cookie()), ("Cache-Control", "no-store")]
    start = _with_headers(start_response, OWN)
    return send(environ, start, HTTPStatus.OK, "text/html; charset=utf-8", redirect_html(path).encode(), *extra)


def _with_headers(start_response: StartResponse, policy: str) -> StartResponse:
    """Wrap `start_response` to send the security headers with the answer."""

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        return start_response(status, secured(headers, policy), exc_info)

    return start

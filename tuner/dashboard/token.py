"""The secret that opens a dashboard which others can reach."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import parse_qs

from tuner.errors import UsageError
from tuner.text import count

TOKEN_VARIABLE = "TUNER_DASHBOARD_TOKEN"
"""Environment variable with the token to use."""

_FORM = re.compile(r"[A-Za-z0-9._~-]{16,512}")


_MIN_DIFFERENT = 8
"""Different characters; "aaaaaaaaaaaaaaaa" is long and no secret."""


class Token:
    """A secret, and the three ways in which a request can present it.

    `?token=…` in the address, once; then a cookie; or `Authorization: Bearer …` for programs.  The cookie is another
    secret, generated for each dashboard: it cannot be guessed, however weak the user's token is.

    Args:
        secret: 16 to 512 letters, digits or `._~-`, which need no quoting in an address or a cookie.
        port: Port of the dashboard.  Cookies ignore ports, so each dashboard of a host has its own cookie name.

    Raises:
        UsageError: The secret is too short, too simple, or has other characters.
    """

    def __init__(self, secret: str, port: int) -> None:
        if not _FORM.fullmatch(secret) or len(set(secret)) < _MIN_DIFFERENT:
            raise UsageError(
                f"{TOKEN_VARIABLE} must have 16 to 512 of the characters A-Z a-z 0-9 . _ ~ -, at least "
                f"{_MIN_DIFFERENT} of them different, but the given one ({count(len(secret), 'character')}) does not. "
                "Unset it to have one generated."
            )
        self.secret = secret
        self._session = secrets.token_urlsafe(32)
        self._cookie = f"tuner_dashboard_{port}"

    @classmethod
    def make(cls, port: int) -> Self:
        """Generate a token of 256 random bits."""
        return cls(secrets.token_urlsafe(32), port)

    def matches(self, given: str) -> bool:
        """Check a token in constant time."""
        return _same(given, self.secret)

    def in_cookie(self, environ: Mapping[str, Any]) -> bool:
        """Check that a request has the cookie of a signed-in user."""
        # Not http.cookies: it stops at the first malformed cookie, of whatever program.
        pairs = (part.strip().partition("=") for part in environ.get("HTTP_COOKIE", "").split(";"))
        return any(name == self._cookie and _same(value, self._session) for name, _, value in pairs)

    def cookie(self) -> str:
        """Return the value of the `Set-Cookie` header: not readable by scripts, not sent by pages of other sites."""
        return f"{self._cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"


def bearer_token(environ: Mapping[str, Any]) -> str | None:
    """Return the token in the `Authorization` header, or None."""
    scheme, _, given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else None


def address_token(environ: Mapping[str, Any]) -> str | None:
    """Return the token in the address of a GET request, or None."""
    if environ["REQUEST_METHOD"] != "GET":
        return None
    return next(iter(parse_qs(environ.get("QUERY_STRING", "")).get("token", [])), None)


def _same(given: str, secret: str) -> bool:
    # In constant time: the duration must not reveal how much of a guess is right.
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())

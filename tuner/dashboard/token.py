"""The secret that opens a dashboard which others can reach."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import parse_qs

from tuner.errors import UsageError

TOKEN_VARIABLE = "TUNER_DASHBOARD_TOKEN"
"""Environment variable with the token to use."""

_FORM = re.compile(r"[A-Za-z0-9._~-]{16,512}")


_MIN_DIFFERENT = 8
"""Different characters; "aaaaaaaaaaaaaaaa" is long and no secret."""


class Token:
    """A secret, and the three ways in which a request can show that its sender knows it.

    `?token=…` in the address, once; then a cookie; or `Authorization: Bearer …` for programs.  The cookie is another
    secret, made anew for each dashboard: it cannot be guessed, however weak a token a person has chosen.

    Args:
        secret: 16 to 512 letters, digits or `._~-`: what needs no quoting in an address or a cookie.
        port: Of the dashboard.  Cookies do not know ports, so each dashboard of a host has its own cookie name.

    Raises:
        UsageError: The secret is too short or too plain, or has other characters.
    """

    def __init__(self, secret: str, port: int) -> None:
        if not _FORM.fullmatch(secret) or len(set(secret)) < _MIN_DIFFERENT:
            raise UsageError(
                f"{TOKEN_VARIABLE} must have 16 to 512 characters out of A-Z a-z 0-9 . _ ~ -, at least "
                f"{_MIN_DIFFERENT} of them different, but the one given ({len(secret)} characters) has not. Unset it "
                "to have one made."
            )
        self.secret = secret
        self._session = secrets.token_urlsafe(32)
        self._cookie = f"tuner_dashboard_{port}"

    @classmethod
    def make(cls, port: int) -> Self:
        """A new one of 256 random bits."""
        return cls(secrets.token_urlsafe(32), port)

    def matches(self, given: str) -> bool:
        """Whether it is the token."""
        return _same(given, self.secret)

    def in_cookie(self, environ: Mapping[str, Any]) -> bool:
        """Whether the request comes from who has signed in."""
        # Not http.cookies: it stops reading at the first cookie, of whatever program, that is malformed.
        pairs = (part.strip().partition("=") for part in environ.get("HTTP_COOKIE", "").split(";"))
        return any(name == self._cookie and _same(value, self._session) for name, _, value in pairs)

    def cookie(self) -> str:
        """Value of the `Set-Cookie` header: not for scripts, not sent by pages of other sites."""
        return f"{self._cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"


def bearer(environ: Mapping[str, Any]) -> str | None:
    """What the `Authorization` header says is the token, or None."""
    scheme, _, given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else None


def in_address(environ: Mapping[str, Any]) -> str | None:
    """What the address of a GET says is the token, or None."""
    if environ["REQUEST_METHOD"] != "GET":
        return None
    return next(iter(parse_qs(environ.get("QUERY_STRING", "")).get("token", [])), None)


def _same(given: str, secret: str) -> bool:
    # In constant time: how long a comparison takes must not tell how much of a guess is right.
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())

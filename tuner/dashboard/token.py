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


class Token:
    """A secret, and the three ways in which a request can bring it.

    `?token=…` in the address, once; then a cookie; or `Authorization: Bearer …` for programs.

    Args:
        secret: 16 to 512 letters, digits or `._~-`: what needs no quoting in an address or a cookie.
        port: Of the dashboard.  Cookies do not know ports, so each dashboard of a host has its own cookie name.

    Raises:
        UsageError: The secret is too short or has other characters.
    """

    def __init__(self, secret: str, port: int) -> None:
        if not _FORM.fullmatch(secret):
            raise UsageError(
                f"{TOKEN_VARIABLE} must have 16 to 512 characters out of A-Z a-z 0-9 . _ ~ -, but the one given "
                f"({len(secret)} characters) has not. Leave it unset to have one made."
            )
        self.secret = secret
        self._cookie = f"tuner_dashboard_{port}"

    @classmethod
    def make(cls, port: int) -> Self:
        """A new one of 256 random bits."""
        return cls(secrets.token_urlsafe(32), port)

    def in_address(self, environ: Mapping[str, Any]) -> bool:
        """Whether the address of the request brings it."""
        given = parse_qs(environ.get("QUERY_STRING", "")).get("token", [])
        return any(self._same(value) for value in given)

    def in_headers(self, environ: Mapping[str, Any]) -> bool:
        """Whether a cookie or the `Authorization` header brings it."""
        scheme, _, bearer = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() == "bearer" and self._same(bearer.strip()):
            return True
        # Not http.cookies: it stops reading at the first cookie, of whatever program, that is malformed.
        pairs = (part.strip().partition("=") for part in environ.get("HTTP_COOKIE", "").split(";"))
        return any(name == self._cookie and self._same(value) for name, _, value in pairs)

    def cookie(self) -> str:
        """Value of the `Set-Cookie` header: not for scripts, not sent by pages of other sites."""
        return f"{self._cookie}={self.secret}; Path=/; HttpOnly; SameSite=Strict"

    def _same(self, given: str) -> bool:
        # In constant time: how long a comparison takes must not tell how much of a guess is right.
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.secret.encode())

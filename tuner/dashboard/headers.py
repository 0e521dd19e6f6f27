"""The security headers of every answer."""

from __future__ import annotations

from collections.abc import Iterable

_SAME_FOR_ALL = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_RULES = (
    "default-src 'none'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "media-src 'self'",
    "font-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)

PAGE = "; ".join(("script-src 'self'", *_RULES))
"""Policy of our pages: their own scripts only, nothing from and to other sites."""

OPTUNA_PAGE = "; ".join(("script-src 'self' 'unsafe-eval'", *_RULES))
"""Policy of optuna-dashboard's page: its parallel coordinates compile their drawing code at run time, and stay empty
without eval."""

SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
"""Policy of everything else the dashboard serves, artifacts above all: opened as a page, it runs no script and has an
opaque origin."""

OWN = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Policy of the guard's own short answers."""


def content_security_policy(path: str) -> str:
    """Return the content security policy of `path`.

    Pages are listed and the rest is sandboxed, not the other way round: the application ignores bytes of a path that
    are not UTF-8, so `/art%FFifacts/…` is an artifact as well.
    """
    if path == "/" or path.startswith("/studies/"):
        return PAGE
    return OPTUNA_PAGE if path == "/dashboard" or path.startswith("/dashboard/") else SANDBOX


def secured(headers: Iterable[tuple[str, str]], policy: str) -> list[tuple[str, str]]:
    """Replace the security headers by ours, and remove permissions for other sites to read the answer."""
    ours = {**_SAME_FOR_ALL, "Content-Security-Policy": policy}
    replaced = {name.lower() for name in ours}
    kept = [
        (name, value)
        for name, value in headers
        if name.lower() not in replaced and not name.lower().startswith("access-control-")
    ]
    return [*kept, *ours.items()]

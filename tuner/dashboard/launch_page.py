"""Pages that redirect a browser: from this machine to a secret address, and from there to one without the secret."""

from __future__ import annotations

import html
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def redirect_html(url: str) -> str:
    """Return a page that redirects to `url`, which does not learn where the browser comes from."""
    address = html.escape(url)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Dashboard</title>'
        '<meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="refresh" content="0;url={address}"></head>'
        f'<body><a href="{address}">Continue to the dashboard</a></body></html>'
    )


@contextmanager
def redirect_page(url: str) -> Iterator[str]:
    """Create a file that redirects to `url`, readable only by this user, and yield its `file:` URL.

    Every user of the machine can read the command line of a browser, but not a file with mode 0600.  The file is
    removed at the end.
    """
    folder = Path(tempfile.mkdtemp(prefix="tuner-"))  # 0700
    try:
        page = folder / "dashboard.html"
        with open(os.open(page, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(redirect_html(url))
        yield page.as_uri()
    finally:
        shutil.rmtree(folder, ignore_errors=True)

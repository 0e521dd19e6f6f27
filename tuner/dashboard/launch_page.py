"""A local page that sends a browser to an address which nobody else may see."""

from __future__ import annotations

import html
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def redirect_page(url: str) -> Iterator[str]:
    """Make a file that leads to `url`, readable for this user alone, and give its own address.

    The command line of a program, a browser's too, can be read by every user of the machine; a file with mode 0600
    cannot.  It is removed at the end.
    """
    folder = Path(tempfile.mkdtemp(prefix="tuner-"))  # 0700
    try:
        page = folder / "dashboard.html"
        address = html.escape(url)
        with open(os.open(page, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(
                '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Dashboard</title>'
                '<meta name="referrer" content="no-referrer">'
                f'<meta http-equiv="refresh" content="0;url={address}"></head>'
                f'<body><a href="{address}">Go on to the dashboard</a></body></html>'
            )
        yield page.as_uri()
    finally:
        shutil.rmtree(folder, ignore_errors=True)

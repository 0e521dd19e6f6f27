"""Open a page in the user's browser."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser

from tuner.cli.echo import echo

_SCREEN = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
"""Variables of which a graphical browser needs one, except on macOS; a shell over ssh has none."""


def open_in_browser(url: str, wait_s: float = 0.0) -> None:
    """Open a page in a graphical browser; without one, say so: a text browser would take over the terminal.

    Args:
        url: Of the page.
        wait_s: How long the process lives at least: a browser that has not started by then ends with it.
    """
    if sys.platform != "darwin" and not any(map(os.environ.get, _SCREEN)):
        echo(f"No browser can be opened here, as there is no screen. The page is {url}", err=True)
        return
    opening = threading.Thread(target=webbrowser.open, args=(url,), daemon=True)  # some browsers return when closed
    opening.start()
    opening.join(wait_s)

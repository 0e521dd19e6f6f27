"""Open a page in the user's browser."""

from __future__ import annotations

import threading
import webbrowser


def open_in_browser(url: str) -> None:
    """Open a page in the browser, if this machine has one for a screen."""
    # In a thread: without a graphical browser, the call waits for a text one to exit.
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

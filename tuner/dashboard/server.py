"""Serve the guarded dashboard until it is interrupted."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tuner.dashboard.address import Address, listen
from tuner.dashboard.app import dashboard_app
from tuner.dashboard.guard import Guard
from tuner.dashboard.token import TOKEN_VARIABLE, Token
from tuner.storage import Database

_READING_BYTES = 1 << 20
_EDITING_BYTES = 128 << 20
"""Largest body of a request; uploaded artifacts come as one, and optuna-dashboard takes 128 MiB."""


class Dashboard:
    """A dashboard that listens, and answers once `serve` is called.

    Attributes:
        address: The address that it listens on.
        token: The token that visitors need, or None if they need none.
        new_token: Whether the token was generated, so that the user does not know it yet.
        allow_edit: Whether studies may be changed.
    """

    def __init__(
        self, database: Database, address: Address, bound: socket.socket, token: Token | None, allow_edit: bool
    ) -> None:
        from tuner.dashboard.bounded_http_server import make_server

        self.address, self.token, self.allow_edit = address, token, allow_edit
        self.new_token = token is not None and TOKEN_VARIABLE not in os.environ
        guard = Guard(dashboard_app(database, editable=allow_edit), address, token, allow_edit)
        self._server = make_server(guard, bound, guard.trusts, _EDITING_BYTES if allow_edit else _READING_BYTES)

    @property
    def url(self) -> str:
        """The URL for a browser, with the token if one is needed."""
        return f"{self.address.url}?token={self.token.secret}" if self.token else self.address.url

    def serve(self) -> None:
        """Answer requests until Ctrl-C or SIGTERM."""
        with _interruptible():
            self._server.run()  # ends on KeyboardInterrupt without raising it
        self.close()

    def close(self) -> None:
        """Free the port."""
        self._server.task_dispatcher.shutdown()
        self._server.close()


def open_dashboard(
    database: Database, *, host: str = "127.0.0.1", port: int = 8080, allow_edit: bool = False
) -> Dashboard:
    """Open a dashboard that listens.

    A token is needed if other machines can reach the dashboard, or if `TUNER_DASHBOARD_TOKEN` is set, even to nothing.

    Args:
        database: The database to show.
        host: Name or IP address to listen on.
        port: TCP port; 0 for any free one.
        allow_edit: Whether studies may be changed and deleted.

    Raises:
        UsageError: The address cannot be listened on, or the given token is too weak.
    """
    address, bound = listen(host, port)
    try:
        given = os.environ.get(TOKEN_VARIABLE)
        token: Token | None = None
        if given is not None:
            token = Token(given, address.port)
        elif not address.loopback:
            token = Token.make(address.port)
        return Dashboard(database, address, bound, token, allow_edit)
    except BaseException:
        bound.close()
        raise


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM interrupt like Ctrl-C, in the main thread.

    SIGINT is set too: a shell starts background processes with SIGINT ignored.
    """

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

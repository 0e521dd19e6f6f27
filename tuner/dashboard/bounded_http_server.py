"""The HTTP server of the dashboard: waitress, with limits that protect it from slow and malformed requests.

waitress stops accepting connections when too many are open, waits two minutes for a silent one, and forever for one
that sends a byte now and then.  Here a request has a few seconds to arrive, the oldest idle connection makes room for a
new one, and a malformed request gets a 4xx error.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import re
import resource
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import (
    HTTPRequestParser,
    ParsingError,
    TransferEncodingNotImplemented,
)
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

MAX_CONNECTIONS = 200
"""Open connections; a quarter of the limit of open files, if that is less."""
REQUEST_S = 10.0
"""Time for a request to arrive, without its body."""
MIN_BODY_BYTES_PER_S = 16 << 10
KEEP_ALIVE_S = 30.0
"""Time that a connection stays open after an answer, or while its reader stalls."""
MAX_HEADER_BYTES = 32 << 10
STRANGERS_BODY_BYTES = 1 << 20
"""Largest body without the token: it is received before the guard sees the request."""

_THREADS = 8
_MAX_ANSWER_BYTES = 1 << 30
"""Buffer of an answer, larger than any answer: a thread never waits for a slow reader."""
_LOG_EVERY_S = 60.0
_BROKEN_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

_log = logging.getLogger(__name__)

AuthorizationCheck = Callable[[Mapping[str, str], str], bool]
"""(headers as in a WSGI environment, client address) → True if they authorize access."""


class _Request(HTTPRequestParser):
    """Parser of an incoming request; a malformed one is answered with status 400.

    Args:
        adj: Settings of the server.
        trusts: Who may send a large body.
        address: Where it comes from.
    """

    path = ""  # waitress logs it if the client disconnects, though it may not have been read

    def __init__(self, adj: Adjustments, trusts: AuthorizationCheck, address: str) -> None:
        super().__init__(adj)
        self._adj, self._trusts, self._address = adj, trusts, address

    def parse_header(self, header_plus: bytes) -> None:
        """Read first line and headers.

        Raises:
            ParsingError: They break a rule.
        """
        try:
            super().parse_header(header_plus)
        except (TransferEncodingNotImplemented, ValueError) as error:
            raise ParsingError(f"The request cannot be read: {str(error)[:100]}") from None
        if self.version not in ("1.0", "1.1"):
            raise ParsingError("Only HTTP 1.0 and 1.1 are supported.")
        # A proxy that reads the other one would see another request (request smuggling).
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Content-Length and Transfer-Encoding exclude each other.")
        if "TRANSFER_ENCODING" in self.headers:
            raise ParsingError("Transfer-Encoding needs HTTP 1.1.")
        if "\0" in self.path or _BROKEN_PERCENT.search(self.request_uri):
            raise ParsingError("The address is not well formed.")
        large = self.chunked or self.content_length > STRANGERS_BODY_BYTES
        if large and self._adj.max_request_body_size > STRANGERS_BODY_BYTES and not self._trusted():
            self.adj = copy.copy(self._adj)
            self.adj.max_request_body_size = STRANGERS_BODY_BYTES

    def _trusted(self) -> bool:
        names = {"HTTP_AUTHORIZATION": "AUTHORIZATION", "HTTP_COOKIE": "COOKIE"}
        found = {name: self.headers[header] for name, header in names.items() if header in self.headers}
        return self._trusts(found, self._address)


class _Channel(HTTPChannel):
    """A connection; see `HTTPChannel` of waitress."""

    def __init__(self, server: _Server, *arguments: Any, **options: Any) -> None:
        super().__init__(server, *arguments, **options)
        self.parser_class = lambda adj: _Request(adj, server.trusts, str(self.addr[0]))
        self._began = self._opened = time.time()

    @property
    def idle(self) -> bool:
        """True if it has no request in progress."""
        return not (self.requests or self.total_outbufs_len or self.will_close)

    def received(self, data: bytes) -> bool:
        """Handle received data."""
        if self.request is None:
            self._began = time.time()
        return bool(super().received(data))

    def overdue(self, now: float) -> bool:
        """Check that it has timed out, sending or receiving."""
        if self.requests:
            return False
        if self.request is not None:
            return bool(now > self._began + REQUEST_S + self.request.body_bytes_received / MIN_BODY_BYTES_PER_S)
        answered = self.last_activity > self._opened
        return bool(now > self.last_activity + (KEEP_ALIVE_S if answered else REQUEST_S))

    def give_up(self) -> None:
        """Close it, with an answer to half a request."""
        if self.request is not None and not self.total_outbufs_len:
            with contextlib.suppress(OSError):
                self.socket.send(_TIMEOUT)
        self.will_close = True


class _Server(TcpWSGIServer):
    """The server; see `TcpWSGIServer` of waitress.

    Args:
        trusts: Who may send a large body.
    """

    channel_class = _Channel

    def __init__(self, application: WSGIApplication, trusts: AuthorizationCheck, **options: Any) -> None:
        self.trusts = trusts
        self._limit = connection_limit()
        self._logged_at = 0.0
        super().__init__(application, **options)

    def handle_accept(self) -> None:
        """Accept a connection; if there are too many, close an idle one."""
        open_now = [channel for channel in self.active_channels.values() if not channel.will_close]
        if len(open_now) >= self._limit:
            self._make_room(open_now)
        super().handle_accept()

    def maintenance(self, now: float) -> None:
        """Close connections that have timed out; called every second."""
        for channel in list(self.active_channels.values()):
            if not channel.will_close and channel.overdue(now):
                channel.give_up()

    def _make_room(self, channels: list[_Channel]) -> None:
        """Close the oldest idle connection of the address with most connections."""
        count = Counter(channel.addr[0] for channel in channels)
        idle = [channel for channel in channels if channel.idle]
        if idle:
            max(idle, key=lambda channel: (count[channel.addr[0]], -channel.creation_time)).give_up()
        now = time.monotonic()
        if now > self._logged_at + _LOG_EVERY_S:
            self._logged_at = now
            address, most = count.most_common(1)[0]
            _log.warning(
                "%d connections are open, %d of them from %s: idle ones are closed.", *(len(channels), most, address)
            )


def make_server(
    application: WSGIApplication, bound: socket.socket, trusts: AuthorizationCheck, max_body_bytes: int
) -> Any:
    """Make a server that answers on a bound socket once its `run` is called.

    Args:
        application: The guarded dashboard.
        bound: The socket.
        trusts: Who may send a body of more than 1 MiB.
        max_body_bytes: Largest body of all.
    """
    # A page and its plots are requested together: waiting briefly for a thread is not worth a warning.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    adjustments = Adjustments(
        sockets=[bound],
        threads=_THREADS,
        ident=None,
        clear_untrusted_proxy_headers=True,
        max_request_body_size=max_body_bytes,
        max_request_header_size=MAX_HEADER_BYTES,
        outbuf_high_watermark=_MAX_ANSWER_BYTES,
        cleanup_interval=1,
        connection_limit=10 * MAX_CONNECTIONS,  # where waitress would stop accepting
        asyncore_use_poll=True,  # select() takes no file number above 1023
        log_socket_errors=False,  # clients may disconnect
    )
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(_THREADS)
    return _Server(
        application,
        trusts,
        map={},
        _sock=bound,
        dispatcher=dispatcher,
        adj=adjustments,
        sockinfo=(bound.family, bound.type, bound.proto, bound.getsockname()),
        bind_socket=False,
    )


def connection_limit() -> int:
    """Return the maximum of open connections; each takes a file descriptor or two."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if files == resource.RLIM_INFINITY else max(8, min(MAX_CONNECTIONS, files // 4))

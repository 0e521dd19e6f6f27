"""The server under load of strangers: sockets in place of a browser, and an application that says "yes"."""

from __future__ import annotations

import logging
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from waitress import wasyncore
from waitress.adjustments import Adjustments

from tuner.dashboard import bounded_http_server
from tuner.dashboard.bounded_http_server import connection_limit, make_server

HOST = b"Host: 127.0.0.1\r\n"
GOOD = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
HALF = b"GET / HTTP/1.1\r\n" + HOST


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        port: Where it listens.
        go: A request for /slow is answered once this is set.
    """

    port: int
    go: threading.Event

    def connect(self, said: bytes) -> socket.socket:
        """A connection that has said this much."""
        found = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        found.sendall(said)
        return found

    def ask(self, request: bytes) -> str:
        """The first line that is answered; empty if the connection is closed without one."""
        with self.connect(request) as connection:
            return answer(connection)


def answer(connection: socket.socket) -> str:
    """The first line of an answer."""
    with connection.makefile("rb") as file:
        return file.readline().decode("latin-1").strip()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start a server in a thread; by default a stranger may send 1 KiB, and who says "Bearer right" 1 MiB."""
    with ExitStack() as until_end:

        def start() -> Server:
            bound = socket.create_server(("127.0.0.1", 0))
            go, done = threading.Event(), threading.Event()

            def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
                if environ["PATH_INFO"] == "/slow":
                    go.wait(10)
                environ["wsgi.input"].read()
                start_response("200 OK", [("Content-Length", "3")])
                return [b"yes"]

            server = make_server(
                app, bound, lambda headers, address: headers.get("HTTP_AUTHORIZATION") == "Bearer right", 1 << 20
            )
            server.adj.cleanup_interval = 0  # looks at every turn, not every second

            def run() -> None:
                while not done.is_set():
                    wasyncore.loop(timeout=0.02, use_poll=True, map=server._map, count=1)

            thread = threading.Thread(target=run)
            thread.start()

            def stop() -> None:
                go.set()
                done.set()
                thread.join()
                server.task_dispatcher.shutdown()
                wasyncore.close_all(server._map)

            until_end.callback(stop)
            return Server(bound.getsockname()[1], go)

        yield start


def test_idle_connections_keep_nobody_out(serve, monkeypatch, caplog):
    """With 150 of them nobody was answered for a minute and more."""
    monkeypatch.setattr(bounded_http_server, "MAX_CONNECTIONS", 8)
    server = serve()
    with ExitStack() as idle:
        busy = idle.enter_context(server.connect(b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n"))
        for _ in range(30):
            idle.enter_context(server.connect(HALF))
        assert server.ask(GOOD) == "HTTP/1.1 200 OK"
        server.go.set()
        assert answer(busy) == "HTTP/1.1 200 OK", "what is being answered is not closed"
    assert len(caplog.records) == 1
    assert "idle ones are closed" in caplog.text


@pytest.mark.parametrize("begun", [b"", HALF, b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\nabc"])
def test_a_request_has_some_time_to_arrive(serve, monkeypatch, begun):
    monkeypatch.setattr(bounded_http_server, "REQUEST_S", 0.3)
    server, began = serve(), time.monotonic()
    with server.connect(begun) as slow:
        if begun:  # a byte now and then does not help
            for _ in range(3):
                time.sleep(0.05)
                slow.sendall(b"X")
        assert answer(slow) == ("HTTP/1.1 408 Request Timeout" if begun else "")
        assert time.monotonic() - began < 5


def test_a_connection_stays_open_behind_an_answer_for_a_while(serve, monkeypatch):
    monkeypatch.setattr(bounded_http_server, "REQUEST_S", 0.1)
    monkeypatch.setattr(bounded_http_server, "KEEP_ALIVE_S", 0.6)
    server = serve()
    with server.connect(GOOD) as visitor, visitor.makefile("rb") as answers:
        for last in (False, True):
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            while answers.readline().strip():  # headers
                pass
            assert answers.read(3) == b"yes"
            time.sleep(0.3)
            if not last:
                visitor.sendall(GOOD)
        assert answers.read() == b"", "closed"


BODY = b"POST / HTTP/1.1\r\n" + HOST
MALFORMED = {
    "length and encoding": BODY + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "encoding and length": BODY + b"Transfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n0\r\n\r\n",
    "encoding in 1.0": b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "another encoding": BODY + b"Transfer-Encoding: gzip\r\n\r\n",
    "two lengths": BODY + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "negative length": BODY + b"Content-Length: -1\r\n\r\n",
    "length of 5,000 digits": BODY + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "chunk without size": BODY + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "huge body": BODY + b"Content-Length: 99999999999\r\n\r\n",
    "huge header": b"GET / HTTP/1.1\r\nX: " + b"a" * 40000 + b"\r\n\r\n",
    "endless header": b"GET / HTTP/1.1\r\nX: " + b"a" * 40000,
    "method in lower case": b"get / HTTP/1.1\r\n\r\n",
    "method of signs": b"G(T / HTTP/1.1\r\n\r\n",
    "broken percent": b"GET /%zz HTTP/1.1\r\n\r\n",
    "percent at the end": b"GET /?a=% HTTP/1.1\r\n\r\n",
    "encoded nul": b"GET /static/%00 HTTP/1.1\r\n\r\n",
    "nul": b"GET /\0 HTTP/1.1\r\n\r\n",
    "half an IPv6 address": b"GET http://[::1 HTTP/1.1\r\n\r\n",
    "odd version": b"GET / HTTP/9.9\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "no name": b"GET / HTTP/1.1\r\n: x\r\n\r\n",
    "line feed in a header": b"GET / HTTP/1.1\r\nX: a\nb\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


def test_what_cannot_be_read_is_the_fault_of_who_sent_it(serve, caplog):
    server = serve()
    found = {name: server.ask(request) for name, request in MALFORMED.items()}
    assert {name: line for name, line in found.items() if not line.startswith(("HTTP/1.1 4", "HTTP/1.0 4"))} == {}
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert server.ask(GOOD) == "HTTP/1.1 200 OK"


def test_a_visitor_who_goes_away_from_a_bad_request_is_no_news() -> None:
    """Waitress then names the path, which has not been read."""
    request = bounded_http_server._Request(Adjustments(), lambda headers, address: False, "10.0.0.9")
    request.received(MALFORMED["method of signs"])
    assert request.error.code == 400
    assert request.path == ""


@pytest.mark.parametrize("size", [b"Content-Length: 200000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n30d40\r\n"])
def test_only_who_is_trusted_sends_much(serve, monkeypatch, size):
    monkeypatch.setattr(bounded_http_server, "STRANGERS_BODY_BYTES", 1 << 10)
    server, much = serve(), b"x" * 200_000 + b"\r\n0\r\n\r\n"
    with server.connect(BODY + size) as stranger:
        stranger.sendall(b"x" * 2000)
        assert answer(stranger) == "HTTP/1.1 413 Request Entity Too Large"
    assert server.ask(BODY + b"Authorization: Bearer right\r\n" + size + much) == "HTTP/1.1 200 OK"


@pytest.mark.parametrize(("files", "expected"), [(1 << 20, 200), (256, 64), (8, 8), (resource.RLIM_INFINITY, 200)])
def test_there_are_fewer_connections_than_files(monkeypatch, files, expected):
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (files, files))
    assert connection_limit() == expected

"""A PostgreSQL server of the tests: the system's own, on loopback, with a password, in a folder that is removed.

As root the server is run by another user, since PostgreSQL refuses root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PASSWORD = "only for tests"
_PATIENCE_S = 60.0


def missing() -> str | None:
    """Why there can be no server here; None where there can."""
    if _program("initdb") is None or _program("postgres") is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        return f"the driver psycopg is not installed ({error})"
    if os.geteuid() == 0 and _other_user() is None:
        return "PostgreSQL does not run as root, and there is no user postgres or nobody"
    return None


class PostgresServer:
    """A server with databases of its own; `stop` and `start` as often as a test likes."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="tuner-postgres-"))
        self._user = _other_user() if os.geteuid() == 0 else None
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        self._port, self._count = _free_port(), 0
        self._process: subprocess.Popen[bytes] | None = None
        secret = self._folder / "password"
        secret.write_text(PASSWORD, encoding="utf-8")
        secret.chmod(0o644)
        self._run(
            _program("initdb"), "--pgdata", self._folder / "data", "--username", "tuner", "--pwfile", secret,
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync",
        )  # fmt: skip
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = {"listen_addresses": "127.0.0.1", "port": self._port, "unix_socket_directories": "", "fsync": "off"}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [str(_program("postgres")), "-D", str(self._folder / "data"), *settings],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=self._user, cwd=self._folder,
            )  # fmt: skip
        import psycopg

        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                psycopg.connect(self._address("postgres"), connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self._folder / "log").read_text()
                assert time.monotonic() < deadline, (self._folder / "log").read_text()
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop at once, as a crash would: every connection is lost."""
        assert self._process is not None
        self._process.send_signal(3)  # SIGQUIT: immediate shutdown
        self._process.wait(timeout=_PATIENCE_S)

    def new_database(self) -> str:
        """URL of an empty database."""
        import psycopg

        self._count += 1
        name = f"test_{self._count}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._address(name)

    def remove(self) -> None:
        """Stop for good."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _address(self, database: str) -> str:
        return f"postgresql://tuner:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self._port}/{database}"

    def _run(self, *arguments: object) -> None:
        done = subprocess.run(
            [str(argument) for argument in arguments],
            capture_output=True, text=True, user=self._user, cwd=self._folder, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def _program(name: str) -> Path | None:
    """A program of the newest PostgreSQL; Debian does not put them on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1]
    path = shutil.which(name)
    return None if path is None else Path(path)


def _other_user() -> str | None:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])

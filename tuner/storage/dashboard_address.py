"""Where a dashboard of this machine says at which address it shows a database, so that a run can name it.

One small file for each dashboard, in a folder that only its user can enter; the address holds no token.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from tuner.storage.database_url import hidden

_LOOK_EVERY_S = 3.0
_MAX_CHARS = 1000


@contextlib.contextmanager
def announced_dashboard(url: str, address: str) -> Iterator[None]:
    """Let the runs of this user on this machine find a dashboard, as long as the context is open.

    Args:
        url: Of the database.
        address: URL of the dashboard, without a token.
    """
    file = None
    with contextlib.suppress(OSError):  # a full disk: the dashboard works without it
        folder = _folder()
        folder.mkdir(mode=0o700, exist_ok=True)
        if _is_private(folder):
            _remove_dead(folder)
            file = folder / f"{_key(url)}.{os.getpid()}"
            file.write_text(address, encoding="utf-8")
    try:
        yield
    finally:
        if file is not None:
            with contextlib.suppress(OSError):
                file.unlink()


class DashboardFinder:
    """Finds the dashboard of a database on this machine; looks every few seconds.

    Args:
        url: Of the database.
    """

    def __init__(self, url: str) -> None:
        self._pattern = f"{_key(url)}.*"
        self._looked: float | None = None
        self._found: str | None = None

    def address(self) -> str | None:
        """Return its address, or None if none runs."""
        now = time.monotonic()
        if self._looked is None or now - self._looked > _LOOK_EVERY_S:
            self._looked, self._found = now, self._find()
        return self._found

    def _find(self) -> str | None:
        folder = _folder()
        with contextlib.suppress(OSError):
            if not _is_private(folder):
                return None
            for file in sorted(folder.glob(self._pattern)):
                if _is_alive(file.suffix[1:]):
                    return _read(file)
                file.unlink()  # its dashboard was killed
        return None


def _remove_dead(folder: Path) -> None:
    """Remove what killed dashboards left, of other databases too."""
    for file in folder.iterdir():
        if not _is_alive(file.suffix[1:]):
            file.unlink(missing_ok=True)


def _folder() -> Path:
    return Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"tuner-dashboards-{os.getuid()}"


def _is_private(folder: Path) -> bool:
    """Return whether a folder is ours alone; raises OSError if it does not exist."""
    status = folder.lstat()
    return folder.is_dir() and not folder.is_symlink() and status.st_uid == os.getuid() and not status.st_mode & 0o077


def _key(url: str) -> str:
    return sha256(hidden(url).encode()).hexdigest()[:20]


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, OverflowError, OSError):  # none has this number, or another user's by now
        return False
    return True


def _read(file: Path) -> str | None:
    with file.open("rb") as opened:
        address = opened.read(_MAX_CHARS).decode(errors="replace")
    return address if address.startswith("http") and address.isprintable() else None

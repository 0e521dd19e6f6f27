"""A temporary folder that only its owner can enter."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

_PREFIX = "tuner-"
_LOCK = "in-use"
_YOUNG_S = 60.0
"""A younger folder may not be locked yet by its creator."""


class PrivateFolder:
    """A new folder with mode 0700 for as long as this process lives.

    A killed process removes nothing: creating one removes those of the same user that no process locks any more.

    Args:
        parent: Its parent; the folder for temporary files by default.

    Raises:
        OSError: It cannot be created.
    """

    def __init__(self, parent: Path | None = None) -> None:
        parent = parent or Path(tempfile.gettempdir())
        _sweep(parent)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))  # 0700, whatever the umask
        self._lock = os.open(self.path / _LOCK, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Remove the folder and its contents; a second call does nothing."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _sweep(parent: Path) -> None:
    """Remove the folders of killed processes of this user."""
    for lock in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError):  # of somebody else, or removed meanwhile
            folder = lock.parent
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            held = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
            try:
                if time.time() - os.fstat(held).st_mtime > _YOUNG_S:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(held)

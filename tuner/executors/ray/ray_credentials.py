"""Folder and token of a Ray of one run alone, private to its user.

Ray makes its folder `/tmp/ray` and all below it world-writable (mode 0777), and its token world-readable: any local
user could replace its sockets and files.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any

from tuner.executors.private_folder import PrivateFolder

_TOKEN_VARIABLES = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_MAX_PARENT = 15
"""Characters; Ray appends up to 88 for its sockets, and the system allows paths of 103 to 107."""


class RaySession:
    """Folder and token of a Ray that is started for this run.

    Args:
        ray: The module.
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._folder = PrivateFolder(_parent())
        self._own_token = not any(os.environ.get(name) for name in _TOKEN_VARIABLES)
        if self._own_token:
            token = self._folder.path / "token"
            with open(os.open(token, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
            os.environ["RAY_AUTH_TOKEN_PATH"] = str(token)
            self._forget_token()

    @property
    def temp_dir(self) -> str:
        """Folder of Ray's session; Ray makes it world-writable, but its parent stays private."""
        return str(self._folder.path / "ray")

    def close(self) -> None:
        """Remove the folder, once Ray has ended."""
        if self._own_token:
            self._own_token = False
            os.environ.pop("RAY_AUTH_TOKEN_PATH", None)
            self._forget_token()
        self._folder.remove()

    def _forget_token(self) -> None:
        """Make Ray read its token again: it caches the first one for the life of the process."""
        self._ray._raylet.AuthenticationTokenLoader.instance().reset_cache()


def close_token_file() -> None:
    """Restrict Ray's token file to its user, if there is one."""
    with contextlib.suppress(OSError, RuntimeError):  # there is none, or no home
        file = os.open(Path.home() / ".ray" / "auth_token", os.O_RDONLY | os.O_NOFOLLOW)
        try:
            found = os.fstat(file)
            if found.st_uid == os.getuid() and found.st_mode & 0o077:
                os.fchmod(file, 0o600)
        finally:
            os.close(file)


def _parent() -> Path:
    found = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    return Path(found if len(found) <= _MAX_PARENT else "/tmp")

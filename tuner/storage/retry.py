"""Retry with back-off while the database is unavailable; the training continues."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

from tuner.errors import DiskFullError, StorageUnavailableError
from tuner.storage.database import Database, open_database

PATIENCE_S = 600.0
"""Time for which a database may be unavailable before a run ends."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0

Answer = TypeVar("Answer")


def open_patiently(url: str, tell: Callable[[str], None], patience_s: float = PATIENCE_S) -> Database:
    """Open or create a database; wait while its disk is full.

    Args:
        url: As for `open_database`.
        tell: Called with what the user should know.
        patience_s: After this many seconds the failure is raised.

    Raises:
        DiskFullError: The disk has been full for too long.
        StorageError: It cannot be opened for another reason; that is raised at once.
    """
    return RetryPolicy(patience_s, tell).wait(lambda: open_database(url, create=True))


class RetryPolicy:
    """Failures in a row to use the database.

    Args:
        patience_s: After this many seconds the failure is raised.
        notify: Called with what the user should know.
    """

    def __init__(self, patience_s: float = PATIENCE_S, notify: Callable[[str], None] = lambda note: None) -> None:
        self._patience_s, self._notify = patience_s, notify
        self._since: float | None = None
        self._next, self._pause_s = 0.0, _FIRST_PAUSE_S

    @property
    def pause_s(self) -> float:
        """Seconds until the next attempt."""
        return 0.0 if self._since is None else max(0.0, self._next - time.monotonic())

    def wait(
        self,
        call: Callable[[], Answer],
        follows: str = "the run begins when there is room",
        retry_on: type[StorageUnavailableError] = DiskFullError,
    ) -> Answer:
        """Use the database, and wait while it is unavailable; the user is told so, earlier failures or not.

        Args:
            call: Uses it.
            follows: What the user is told to follow.
            retry_on: The error after which it is called again; others are raised at once.

        Raises:
            StorageError: Another error, or the same one for too long.
        """
        told = False
        while True:
            try:
                answer = call()
            except retry_on as error:
                self.on_error(error)
                if not told:
                    self._tell_failure(error, follows)
                told = True
            else:
                self._tell_success()
                return answer
            time.sleep(self.pause_s)

    def attempt(self, call: Callable[[], Answer]) -> Answer | None:
        """Use the database, or return None if it is unavailable or the next attempt is not due yet.

        Raises:
            StorageError: Another error, or it has been unavailable for too long.
        """
        if self.pause_s > 0:
            return None
        try:
            answer = call()
        except StorageUnavailableError as error:
            if self.on_error(error):
                self._tell_failure(error, "running trials continue")
            return None
        self._tell_success()
        return answer

    def _tell_failure(self, error: StorageUnavailableError, follows: str) -> None:
        failed_s = 0.0 if self._since is None else time.monotonic() - self._since
        minutes = math.ceil(max(self._patience_s - failed_s, 1.0) / 60)
        self._notify(f"{error} Retrying for {minutes} min; {follows}.")

    def _tell_success(self) -> None:
        note = self.on_success()
        if note is not None:
            self._notify(note)

    def on_error(self, error: StorageUnavailableError) -> bool:
        """Note a failure; return whether it is the first one in a row.

        Raises:
            StorageUnavailableError: That was the last attempt.
        """
        now = time.monotonic()
        first = self._since is None
        if self._since is None:
            self._since, self._pause_s = now, _FIRST_PAUSE_S
        elif now - self._since > self._patience_s:
            raise error
        self._next = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        return first

    def on_success(self) -> str | None:
        """Note a success; return what the user should know, or None if nothing had failed."""
        if self._since is None:
            return None
        away_s, self._since = time.monotonic() - self._since, None
        return f"The database is available again after {away_s:.0f} s; nothing was lost."

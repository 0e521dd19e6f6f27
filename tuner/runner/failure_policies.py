"""Policies for failed trainings: retry after the death of a worker, stop after identical errors."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.errors import RepeatedFailureError

MAX_IDENTICAL_FAILURES = 3
"""The same error of user code this often in a row ends the study."""


class DeathRetryPolicy:
    """Retries a training once, on a new worker: the first death of a worker may be an accident."""

    def __init__(self) -> None:
        self._retried: set[int] = set()

    def should_retry(self, number: int) -> bool:
        """Return whether the training gets another attempt; True once per number."""
        first = number not in self._retried
        self._retried.add(number)
        return first


class FailureStreak:
    """Identical errors of user code in a row."""

    def __init__(self) -> None:
        self._error, self._length = "", 0

    def on_success(self) -> None:
        """End the streak: the code can train."""
        self._length = 0

    def on_error(self, error: str, frames: Sequence[str], traceback: str, *, has_best: bool) -> None:
        """Count an error.

        Args:
            error: Its type and message.
            frames: Lines of the user's code that led to it.
            traceback: Kept as the details of the error that ends the study.
            has_best: Whether the study has a complete trial, so that a changed model file needs a new name.

        Raises:
            RepeatedFailureError: It is the same error, `MAX_IDENTICAL_FAILURES` times in a row.
        """
        self._length = self._length + 1 if error == self._error else 1
        self._error = error
        if self._length < MAX_IDENTICAL_FAILURES:
            return
        step = "Fix it, then run the same command again."
        if has_best:
            step += " If the model file changes, the study needs another name: --fork NEW_NAME."
        said = f"{MAX_IDENTICAL_FAILURES} trials in a row failed with the same error: {error}"
        raise RepeatedFailureError("\n".join([said, *indented(frames), step]), details=traceback)


def indented(frames: Sequence[str]) -> list[str]:
    """Indent the lines of the user's code below the message of an error."""
    return [f"  {line}" for line in frames]

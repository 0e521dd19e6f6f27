"""The errors of this package, and the problems a report lists.

    TunerError                     exit code 1
    ├── UsageError                          2   a command or a call was given something it cannot use
    │   ├── UnknownNameError                    a name that is in no table
    │   ├── StudyFileError                      a study file with problems, all of them at once
    │   ├── StudyChangedError                   same name, but a different study
    │   ├── StudyNotFoundError                  no such study in the storage
    │   ├── NoBestTrialError                    a study without one finished trial
    │   ├── ContentError                        a model, study or data function that cannot be loaded
    │   ├── DataError                           data that cannot be used as they are
    │   ├── RecipeError                         an invalid recipe in a database or a file
    │   ├── CodeError                           code that only a database or an exported file names
    │   └── UnsupportedError                    a recipe that this engine cannot train; another one can
    ├── StudyFailedError                    1   the search itself cannot continue
    │   └── RepeatedFailureError                the same error of user code, several times in a row
    ├── StorageError                        3   the database cannot be used
    │   ├── StudyBusyError                      an older version is running this study
    │   ├── LeaseLostError                      another process has taken over the trials of this one
    │   └── StorageUnavailableError             the database cannot be used now, but may be later
    │       └── DiskFullError                   its disk is full
    ├── WorkerError                         1   a worker process could not be started or reached
    └── CheckpointError                     1   a checkpoint that a trial cannot resume from; it starts over

Every message says rule, value, place and next step.  Errors of Keras, Optuna, SQLAlchemy and the operating system are
converted to these where they are called; nothing else leaves the library on purpose.
`DataWarning` is a warning.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_LONGEST_NAME = 200
_SENTENCE_END = re.compile(r"(?<!\.[a-z])\. (?![a-z])")


class TunerError(Exception):
    """Base of every error this package raises on purpose.

    Attributes:
        exit_code: Of a command that ends with it.
        multiline: Whether its message has lines, in which names and values are quoted.
    """

    exit_code = 1
    multiline = False


class UsageError(TunerError):
    exit_code = 2


class UnknownNameError(UsageError):
    """A name that is in no table.

    Args:
        family: Kind of thing that was looked up, singular ("optimizer").
        given: The name as it was given.
        allowed: The names of the table.
    """

    def __init__(self, family: str, given: object, allowed: Iterable[str]) -> None:
        self.family, self.given, self.allowed = family, given, tuple(allowed)
        self.nearest = nearest(given, self.allowed)
        hint = f" Did you mean {self.nearest!r}?" if self.nearest else ""
        super().__init__(f"There is no {family} {given!r}.{hint} Known: {', '.join(self.allowed)}.")


@dataclass(frozen=True)
class Problem:
    """One problem of a study file.

    Attributes:
        key: The dotted key ("search.learning_rate"), "" for the file as a whole.
        rule: The violated rule.
        given: The value as the file writes it, or None if there is nothing to show.
        allowed: The allowed values, in words.
        nearest: The nearest valid name, if a name was misspelt.
        next_step: How to fix it.
    """

    key: str
    rule: str
    given: str | None = None
    allowed: str | None = None
    nearest: str | None = None
    next_step: str | None = None

    def lines(self) -> list[str]:
        """Format the problem as lines of text; the first one starts with the key."""
        text = [f"{self.key or 'the file'}: {self.rule}"]
        if self.given is not None:
            text.append(f"    given:   {self.given}")
        if self.allowed is not None:
            text.append(f"    allowed: {self.allowed}")
        if self.nearest is not None:
            text.append(f"    nearest: {self.nearest}")
        if self.next_step is not None:
            text.append(f"    next:    {self.next_step}")
        return text


class StudyFileError(UsageError):
    """A study file with problems.  All of them are reported at once."""

    multiline = True

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        self.file, self.problems = file, tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        lines = [f"{file if file.isprintable() else repr(file)}: {count}"]
        for problem in self.problems:
            lines += [f"  {line}" for line in problem.lines()]
        super().__init__("\n".join(lines))


class StudyChangedError(UsageError):
    """A different study with this name exists."""

    multiline = True


class StudyNotFoundError(UsageError):
    """The storage has no study with this name."""


class NoBestTrialError(UsageError):
    """The study has no finished trial yet."""


class ContentError(UsageError):
    """A model, a study or a data function that cannot be found, read or loaded."""


class DataError(UsageError):
    """Data that cannot be used as they are.

    Attributes:
        key: Key of `[data]` that this concerns.
    """

    def __init__(self, message: str, key: str = "source") -> None:
        super().__init__(message)
        self.key = key


class NoWinnerWarning(UserWarning):
    """A model was saved although no recipe beats a constant answer by more than chance explains."""


class DataWarning(UserWarning):
    """Rows that get a prediction, but contain something that the model does not know."""


class RecipeError(UsageError):
    """A recipe that was read from a database or a file, and breaks a rule."""


class CodeError(UsageError):
    """Code of the project that only a database or an exported file names: it is not run."""


class UnsupportedError(UsageError):
    """A recipe that this engine cannot train; the message says why, and `auto` takes another engine."""


class StudyFailedError(TunerError):
    """The search cannot continue.

    Attributes:
        details: The whole traceback of user code, or "".
    """

    multiline = True

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class RepeatedFailureError(StudyFailedError):
    """The same error of user code, several times in a row."""


class StorageError(TunerError):
    """The database cannot be opened, read or written."""

    exit_code = 3


class StudyBusyError(StorageError):
    """A process of an older version, which needs the study for itself, is running it."""


class LeaseLostError(StorageError):
    """Another process took this one for dead, and has taken over its trials."""


class StorageUnavailableError(StorageError):
    """The database cannot be used now: it is locked, unreachable, or its disk is full.  A retry may succeed."""


class DiskFullError(StorageUnavailableError):
    """The disk of the database is full."""


class WorkerError(TunerError):
    """A worker process could not be started or reached."""

    multiline = True


class CheckpointError(TunerError):
    """A checkpoint that a trial cannot resume from: it is damaged or foreign.  The trial starts over."""


def nearest(given: object, allowed: Iterable[str]) -> str | None:
    """Return the name in `allowed` that is most similar to `given` or that it abbreviates, or None if no name is."""
    names, text = {name.lower(): name for name in allowed}, str(given).lower()
    if len(text) > _LONGEST_NAME:  # comparing takes time in proportion to both lengths
        return None
    found = difflib.get_close_matches(text, names, n=1, cutoff=0.6)
    meant = found or [name for name in names if "_" in name and text == "".join(word[:1] for word in name.split("_"))]
    return names[meant[0]] if meant else None


def shown(value: Any, limit: int = 80) -> str:
    """Return the `repr` of a value, cut to `limit` characters."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def split_sentence(text: str) -> tuple[str, str]:
    """Split a text after its first sentence, whose full stop is left out; "e.g. in line 2" ends none.

    Returns:
        The sentence, and what follows; "" if nothing does.
    """
    first, *others = _SENTENCE_END.split(text, maxsplit=1)
    return first.removesuffix("."), "".join(others)

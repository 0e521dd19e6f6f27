"""The errors of this package, and the problems a report lists.

    TunerError                     exit code 1
    ├── UsageError                          2   a command or a call was given something it cannot use
    │   ├── UnknownNameError                    a name that is in no table
    │   ├── StudyFileError                      a study file with problems, all of them at once
    │   ├── StudyChangedError                   same name, another question
    │   ├── StudyNotFoundError                  no such study in the storage
    │   ├── NoBestTrialError                    a study without one finished trial
    │   ├── ContentError                        a model, study or data function that cannot be loaded
    │   ├── DataError                           data that cannot be used as they are
    │   ├── RecipeError                         a recipe, read from a database or a file, that cannot be one
    │   ├── CodeError                           code that is named by what was read alone, and by nobody else
    │   └── UnsupportedError                    a recipe that this engine cannot train; another one can
    ├── StudyFailedError                    1   the search itself could not go on
    │   └── RepeatedFailureError                the same error of user code, several times in a row
    ├── StorageError                        3   the database cannot be used
    │   ├── StudyBusyError                      an older version is running this study
    │   ├── LeaseLostError                      another process has taken the trials of this one over
    │   └── StorageUnavailableError                    the database cannot be used now, which may pass
    │       └── DiskFullError                   its disk is full
    ├── WorkerError                         1   a worker process could not be started or spoken to
    └── CheckpointError                     1   a checkpoint that a trial cannot resume from; it starts over

Every message says rule, value, place and next step.  Errors of Keras, Optuna, SQLAlchemy and the
operating system are turned into these where they are called; nothing else leaves the library on purpose.
`DataWarning` is a warning.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_LONGEST_NAME = 200


class TunerError(Exception):
    """Base of every error this package raises on purpose."""

    exit_code = 1


class UsageError(TunerError):
    exit_code = 2


class UnknownNameError(UsageError):
    """A name that is in no table.

    Args:
        family: What kind of thing was looked up, in the singular ("optimizer").
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
    """One thing that is wrong with a study file.

    Attributes:
        key: The dotted key ("search.learning_rate"), "" for the file as a whole.
        rule: What must hold, as a sentence.
        given: What the file says, as the person wrote it; None where there is nothing to show.
        allowed: What may stand there, in words.
        nearest: The nearest right name, where a name was misspelt.
        next_step: What to do about it.
    """

    key: str
    rule: str
    given: str | None = None
    allowed: str | None = None
    nearest: str | None = None
    next_step: str | None = None

    def lines(self) -> list[str]:
        """The problem as lines of text; the first one starts with the key."""
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

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        self.file, self.problems = file, tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        lines = [f"{file}: {count}"]
        for problem in self.problems:
            lines += [f"  {line}" for line in problem.lines()]
        super().__init__("\n".join(lines))


class StudyChangedError(UsageError):
    """A study of this name exists, and asks another question."""


class StudyNotFoundError(UsageError):
    """The storage holds no study of this name."""


class NoBestTrialError(UsageError):
    """The study has no finished trial yet."""


class ContentError(UsageError):
    """A model, a study or a data function that cannot be found, read or loaded."""


class DataError(UsageError):
    """Data that cannot be used as they are."""


class DataWarning(UserWarning):
    """Rows that are answered, but hold something that the model knows nothing of."""


class RecipeError(UsageError):
    """A recipe that was read from a database or a file, and breaks a rule."""


class CodeError(UsageError):
    """Code of the project that only a database or an exported file names: it is not run."""


class UnsupportedError(UsageError):
    """A recipe that this engine cannot train; the message says why, and `auto` takes another engine."""


class StudyFailedError(TunerError):
    """The search could not go on."""


class RepeatedFailureError(StudyFailedError):
    """The same error of user code, several times in a row."""


class StorageError(TunerError):
    """The database cannot be opened, read or written."""

    exit_code = 3


class StudyBusyError(StorageError):
    """A process of an older version, which shares with nobody, is running this study."""


class LeaseLostError(StorageError):
    """Another process took this one for dead, and has taken its trials over."""


class StorageUnavailableError(StorageError):
    """The database cannot be used now: locked, out of reach, or its disk is full.  Another attempt may do."""


class DiskFullError(StorageUnavailableError):
    """The disk of the database is full."""


class WorkerError(TunerError):
    """A worker process could not be started or spoken to."""


class CheckpointError(TunerError):
    """A checkpoint that a trial cannot resume from: damaged, or of something else.  The trial starts over."""


def nearest(given: object, allowed: Iterable[str]) -> str | None:
    """The name in `allowed` that is most like `given`, or None where none is much like it."""
    names, text = {name.lower(): name for name in allowed}, str(given).lower()
    if len(text) > _LONGEST_NAME:  # comparing takes time in proportion to both lengths
        return None
    found = difflib.get_close_matches(text, names, n=1, cutoff=0.6)
    return names[found[0]] if found else None


def shown(value: Any, limit: int = 80) -> str:
    """`value` as a person would write it, cut to `limit` characters."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"

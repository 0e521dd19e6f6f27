"""The file of the saved model: whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from tuner.errors import UsageError

SUFFIX = ".keras"


def check_output(file: Path, force: bool) -> None:
    """Refuse at once what could not be written after all trainings.

    Raises:
        UsageError: Another ending, no folder, a folder in its place, or a file that is there without `force`.
    """
    if file.suffix != SUFFIX:
        raise UsageError(f"A model is saved as a Keras file, but got {str(file)!r}. End its name in {SUFFIX}.")
    if not file.parent.is_dir():
        raise UsageError(f"The folder of the file must be there, but {file.parent} is none. Make it, or name another.")
    if file.is_dir():
        raise UsageError(f"{file} is a folder. Name a file.")
    if file.exists() and not force:
        raise UsageError(f"{file} is there already. Name another file, or write over it with --force.")
    if not os.access(file.parent, os.W_OK):
        raise UsageError(f"{file.parent} cannot be written. Name a file in another folder.")


def publish(made: Path, file: Path) -> None:
    """Put a finished file in its place: beside it first, then under its name, so that nobody sees half of it.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.stem}-", suffix=".part", delete=False) as out:
            partial = Path(out.name)
        try:
            shutil.copyfile(made, partial)
            partial.chmod(0o666 & ~_umask())
            os.replace(partial, file)
        finally:
            with contextlib.suppress(FileNotFoundError):
                partial.unlink()
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}. Name another file.") from error


def _umask() -> int:
    now = os.umask(0)
    os.umask(now)
    return now

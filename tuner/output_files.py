"""Write the files and folders that a command makes: whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tuner.errors import UsageError

_PREFIX_CHARS = 40


def check_output(file: Path, suffixes: Sequence[str], force: bool) -> None:
    """Refuse at once what could not be written after all the work.

    Args:
        file: What is to be written.
        suffixes: What its name may end in; none if it may be called anything.
        force: Whether a file may be written over.

    Raises:
        UsageError: Another ending, no folder, a folder in its place, or a file that is there without `force`.
    """
    if suffixes and not file.name.lower().endswith(tuple(suffixes)):
        raise UsageError(f"The file name must end in {' or '.join(suffixes)}, but got {str(file)!r}. Rename it.")
    with _usage_error(file, "Name another file."):
        folder_exists, is_folder, exists = file.parent.is_dir(), file.is_dir(), file.exists()
    if not folder_exists:
        raise UsageError(f"The folder of the file must exist, but {file.parent} does not. Create it, or name another.")
    if is_folder:
        raise UsageError(f"{file} is a folder. Name a file.")
    if exists and not force:
        raise UsageError(f"{file} already exists. Name another file, or overwrite it with --force.")
    if not is_pipe(file) and not os.access(file.resolve().parent, os.W_OK):  # a link is followed
        raise UsageError(f"The folder {file.absolute().parent} cannot be written. Name a file in another folder.")


def is_pipe(file: Path) -> bool:
    """Return whether a pipe or device is there, such as /dev/stdout, which is written into and not replaced."""
    return os.path.exists(file) and not os.path.isfile(file) and not os.path.isdir(file)


def publish(made: Path, file: Path) -> None:
    """Put a finished file in its place, so that nobody sees half of it.

    Raises:
        UsageError: It cannot be written.
    """
    with partial_file(file) as partial:
        shutil.copyfile(made, partial)


def check_folder(folder: Path, sign: str, force: bool) -> None:
    """Refuse at once a folder that could not be written after all the work.

    Args:
        folder: What is to be written.
        sign: A file that says of a folder that it may be replaced.
        force: Whether such a folder may be replaced.

    Raises:
        UsageError: Something else is there, a folder without `force`, or there is no folder around it.
    """
    with _usage_error(folder, "Name another folder."):
        parent_exists, exists, is_ours = folder.parent.is_dir(), folder.exists(), (folder / sign).is_file()
    if not parent_exists:
        raise UsageError(f"The parent folder must exist, but {folder.parent} does not. Create it, or name another.")
    if exists and not is_ours:
        raise UsageError(f"{folder} exists, and holds something else. Name another folder.")
    if exists and not force:
        raise UsageError(f"{folder} already exists. Name another folder, or replace it with --force.")
    if not os.access(folder.parent, os.W_OK):
        raise UsageError(f"The folder {folder.absolute().parent} cannot be written. Name a folder in another one.")


def publish_folder(made: Path, folder: Path) -> None:
    """Put a finished folder in its place; an existing one is removed once the new one is next to it.

    Raises:
        UsageError: It cannot be written.
    """
    with _usage_error(folder, "Name another folder."):
        beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=_prefix(folder.name), suffix=".part"))
        try:
            new, old = beside / "new", beside / "old"
            shutil.copytree(made, new)
            if folder.exists():
                os.rename(folder, old)
            os.rename(new, folder)
        finally:
            shutil.rmtree(beside)


def write_text_file(file: Path, text: str) -> None:
    """Write a file in UTF-8, whole or not at all; into a device or pipe as it is.

    Raises:
        UsageError: It cannot be written; one that stood there is as it was.
    """
    with _usage_error(file, "Name another file."):
        if is_pipe(file):
            file.write_text(text, encoding="utf-8")
            return
        with partial_file(file.resolve()) as partial:  # a link stays one
            partial.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def partial_file(file: Path) -> Iterator[Path]:
    """Give an empty file beside `file` that takes its place and permissions at the end, and is gone after an error.

    Raises:
        UsageError: It cannot be written.
    """
    with _usage_error(file, "Name another file."):
        with tempfile.NamedTemporaryFile(
            dir=file.parent, prefix=_prefix(file.stem), suffix=".part", delete=False
        ) as out:
            partial = Path(out.name)
        try:
            yield partial
            partial.chmod(stat.S_IMODE(file.stat().st_mode) if file.exists() else 0o666 & ~get_umask())
            os.replace(partial, file)
        finally:
            with contextlib.suppress(FileNotFoundError):
                partial.unlink()


@contextlib.contextmanager
def _usage_error(path: Path, next_step: str) -> Iterator[None]:
    """Turn what the system says about a path into a UsageError: a name that is too long, a folder that is closed."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}. {next_step}") from error


def _prefix(name: str) -> str:
    """Return the start of a temporary name; its end must fit as well where `name` is as long as the system allows."""
    return f".{name[:_PREFIX_CHARS]}-"


def get_umask() -> int:
    """Return the umask, which can only be read by setting it: for that moment files are private."""
    value = os.umask(0o077)
    os.umask(value)
    return value

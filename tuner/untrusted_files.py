"""Read files that may be damaged or hostile: only regular files of bounded size, and any failure is one error.

A file that somebody else may have made is read inside `reading`; `check_regular`, `read_bytes` or `open_zip` bound its
size before it is loaded.
"""

from __future__ import annotations

import math
import os
import re
import stat
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tuner.errors import TunerError, split_sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_JSON_BYTES = 64_000_000
"""An exported recipe, or the metadata in a model file."""
MAX_ZIP_MEMBERS = 10_000
MAX_EXPANSION = 100
"""Maximum ratio of the size of an archive member to its compressed size, as in Keras (deflated zeros: 1,000) …"""
EXPANSION_FLOOR_BYTES = 256_000_000
"""… beyond this size."""
MAX_KEY_PARTS = 32
_REASON_LENGTH = 300
_PARSER_OF_PANDAS = "Error tokenizing data. C error: "
_KEY_PART = r"""(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_LONG_KEY = re.compile(rf"""(?<![\w.\\"'-])(?:{_KEY_PART}){{{MAX_KEY_PARTS}}}""")
"""Possessive quantifiers, and no match inside a word or string: its time is linear in the length of the file."""

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@contextmanager
def reading(what: str, rule: str, next_step: str, error: type[TunerError]) -> Iterator[None]:
    """Convert any exception of a parser to one error of ours.

    Parsers promise nothing about what they raise on damaged files: `zlib.error`, `RecursionError`, `MemoryError`,
    `KeyError`, `AttributeError` and others have been seen.

    Args:
        what: The file, as the user named it.
        rule: The required kind of file ("a NumPy archive").
        next_step: How to fix it, a sentence.
        error: Class of the error.

    Raises:
        TunerError: An error of this class; our own errors pass unchanged.
    """
    try:
        yield
    except TunerError:
        raise
    except Exception as cause:
        raise error(f"{what} must be {rule}, but cannot be read: {reason(cause)}. {next_step}") from cause


def reason(error: BaseException) -> str:
    """Format an exception of a library on one line: its first sentence, without control characters, and shortened."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    words: dict[type[BaseException], str] = {
        MemoryError: "it does not fit into memory",
        RecursionError: "it is nested too deep",
    }
    text = words.get(type(error)) or " ".join(str(error).split()).rstrip(".") or type(error).__name__
    # It is part of a sentence of ours, after which stands our next step: a library's would be another one.
    text = split_sentence(text.removeprefix(_PARSER_OF_PANDAS))[0]
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return text if len(text) <= _REASON_LENGTH else f"{text[: _REASON_LENGTH - 1]}…"


def special_kind(path: Path) -> str | None:
    """Return the kind of a path that is not a regular file ("a named pipe"), or None if it is one or does not exist."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return None
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), None)


def check_regular(path: Path) -> int:
    """Check that a path is a regular file: opening a named pipe would block forever.

    Returns:
        Its size in bytes.

    Raises:
        ValueError: It is a folder, a pipe, a socket or a device.
        OSError: It does not exist.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"it is {special_kind(path) or 'not a regular file'}")
    return found.st_size


def read_bytes(path: Path, limit: int) -> bytes:
    """Read a regular file of at most `limit` bytes.

    Raises:
        ValueError: It is larger, or not a regular file.
        OSError: It cannot be read.
    """
    # Non-blocking: a path that has become a named pipe is opened at once, and refused.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"it is {special_kind(path) or 'not a regular file'}")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"it has more than {limit:,} bytes")
    return content


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML.

    Raises:
        ValueError: It is not TOML, or has a key of more than `MAX_KEY_PARTS`: `tomllib` needs time and memory
            quadratic in them, 960 GB for a megabyte of "a.a.a".
        RecursionError: It is nested too deep.
    """
    if long := _LONG_KEY.search(text):
        line = text.count("\n", 0, long.start()) + 1
        raise ValueError(f"a dotted key has at most {MAX_KEY_PARTS} parts (at line {line})")
    return tomllib.loads(text.replace("\r\n", "\n"))


@contextmanager
def open_zip(source: Path | BinaryIO) -> Iterator[zipfile.ZipFile]:
    """Open an archive whose members have plausible sizes.

    Raises:
        ValueError: It is not a regular file, or a member claims to expand to an implausible size.
        OSError, zipfile.BadZipFile: It cannot be read.
    """
    with ExitStack() as stack:
        if isinstance(source, Path):
            check_regular(source)
            source = stack.enter_context(source.open("rb"))
        archive = stack.enter_context(zipfile.ZipFile(source))
        members = archive.infolist()
        if len(members) > MAX_ZIP_MEMBERS:
            raise ValueError(f"it has {len(members):,} parts, more than {MAX_ZIP_MEMBERS:,}")
        for member in members:
            check_expansion(member.filename, member.file_size, member.compress_size)
        memory = physical_memory()
        if memory is not None and (size := sum(member.file_size for member in members)) > memory:
            raise ValueError(f"its parts take {size:,} bytes, and the machine has {memory:,}")
        yield archive


def check_expansion(name: str, size: int, stored: int) -> None:
    """Refuse an archive member that claims to expand far beyond its compressed size.

    Raises:
        ValueError: With both sizes.
    """
    if size > EXPANSION_FLOOR_BYTES and size > MAX_EXPANSION * stored:
        raise ValueError(f"{name[:80]!r} claims {size:,} bytes, and holds {stored:,}")


def read_member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """Read an archive member of at most `limit` bytes.

    Raises:
        ValueError: It is larger.
        KeyError: There is no such member.
    """
    size = archive.getinfo(name).file_size
    if size > limit:
        raise ValueError(f"{name!r} has {size:,} bytes, more than {limit:,}")
    return archive.read(name)


def read_array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Read an array of a NumPy archive, if its header claims no more than the archive holds; objects are refused.

    Raises:
        ValueError, KeyError: There is no such array, or it cannot be read.
    """
    from numpy.lib import format as npy

    member = f"{name}.npy"
    headers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    with archive.open(member) as file:
        version = npy.read_magic(file)
        if version not in headers:  # 3.0 is for records whose fields have names outside of Latin-1
            raise ValueError(f"{member} is of the version {version} of NumPy's format, which holds no plain numbers")
        shape, _, dtype = headers[version](file)
        size, held = math.prod(shape) * dtype.itemsize, archive.getinfo(member).file_size
        if dtype.itemsize == 0 or size > held:
            raise ValueError(f"{member} claims the shape {shape} of {dtype}, and holds {held:,} bytes")
    with archive.open(member) as file:
        array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
        return array


def physical_memory() -> int | None:
    """Return the memory of this machine in bytes, or None if it is unknown."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def nested(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the object under a key of JSON or TOML; empty if there is something else."""
    found = content.get(key)
    return found if isinstance(found, Mapping) else {}

"""Bound the length of text from user code: error messages, tracebacks, output of workers."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from tuner.text import quoting
from tuner.text.quoting import plain

STORED_CHARS = 8_000
"""Maximum length of a traceback or log that is stored with its trial."""
LOG_CHARS = 256_000
"""Maximum length of a traceback that leaves its worker; it goes to a file if it is longer than `STORED_CHARS`."""
ERROR_CHARS = 500
LOG_FOLDER = "runs/logs"
_SENTENCE_END = re.compile(r"[.!?](?=\s)")
_HEAD = 4
"""One in this many characters of an excerpt is from the beginning: a traceback ends with its cause."""


def excerpt(text: str, limit: int = STORED_CHARS, more: str = "") -> str:
    """Shorten a text to about `limit` characters of its beginning and end, without control characters.

    Args:
        text: Any text.
        limit: Number of characters to keep.
        more: Where to find the rest.
    """
    head = limit // _HEAD
    left_out = len(text) - limit
    if left_out <= 0:
        return plain(text)
    gap = f"\n[… {left_out:,} characters left out{more} …]\n"
    return plain(text[:head]) + gap + plain(text[head - limit :])


def format_error(error: BaseException) -> str:
    """Format type and message of an exception on one line, at most `ERROR_CHARS` characters of the message.

    Addresses of objects are left out: the same error must read the same in every trial and worker.
    """
    try:
        text = str(error)
    except Exception as second:  # code of the user
        text = f"its message cannot be read ({type(second).__name__})"
    text = quoting.one_line(text[: 100 * ERROR_CHARS])
    text = shorten(re.sub(r"\b0x[0-9a-fA-F]+", "0x…", text), ERROR_CHARS)
    name = type(error).__name__[:100]
    return f"{name}: {text}" if text else name


def shorten(text: str, limit: int) -> str:
    """Cut a line after its last whole word within `limit` characters."""
    if len(text) <= limit:
        return text
    words, _, _ = text[: limit - 1].rpartition(" ")
    return (words if len(words) > limit // 2 else text[: limit - 1]) + "…"


def first_sentences(text: str, limit: int) -> str:
    """Return the first sentences of a text that fit into `limit` characters, on one line; else its first words.

    It ends with a full stop, or with … if even the first one is too long.
    """
    line = quoting.one_line(text)
    kept = line
    if len(line) > limit:
        ends = [found.end() for found in _SENTENCE_END.finditer(line[: limit + 1])]
        if not ends:
            return shorten(line, limit)
        kept = line[: ends[-1]]
    return kept if kept.endswith((".", "!", "?", "…")) or not kept else f"{kept}."


class TrialLogs:
    """Log files, in `runs/logs` of the project, for text that is too long to store with a trial.

    Args:
        project: Folder of the project.
        study: Name of the study.
    """

    def __init__(self, project: Path, study: str) -> None:
        self._project, self._study = project, quote(study, safe=" ")[:150]

    def keep(self, number: int, text: str) -> str:
        """Return the excerpt of a text to store; a long text is also written to a file, up to `LOG_CHARS` characters.

        Args:
            number: Number of the trial.
            text: A traceback, or the output of a worker.
        """
        if len(text) <= STORED_CHARS:
            return plain(text)
        name = f"{LOG_FOLDER}/{self._study}-{number}.log"
        file = self._project / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(excerpt(text, LOG_CHARS), encoding="utf-8")
        except OSError:  # a full disk, say: the excerpt is what there is
            return excerpt(text)
        return excerpt(text, more=f"; see {name}")

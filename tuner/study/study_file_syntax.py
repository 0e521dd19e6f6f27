"""Find a study file and parse it, TOML or YAML, to plain content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner import user_code
from tuner.errors import ContentError, Problem, StudyFileError, nearest
from tuner.untrusted_files import parse_toml, read_bytes, special_kind

MAX_BYTES = 256_000
"""A study file is a page of text, or a few with the names of many columns; a larger one is some other file."""

STUDY_SUFFIXES = (".toml", ".yaml", ".yml")
_LONGEST_LINE = 200
_ENDINGS = "a .toml or .yaml file"


def locate(path: Path | str) -> tuple[Path, Path]:
    """Find a study file and its project.

    Args:
        path: As the user named it; looked up as a path, then among the studies that come with the package.

    Returns:
        The file, and the folder that its references are relative to: the file's project, or the current folder for
        a file of the package.

    Raises:
        StudyFileError: There is no such file, or it is a folder.
    """
    given = Path(path)
    try:
        if given.is_dir():
            raise _refused_folder(path, given)
        if given.is_file():
            return given, user_code.find_project(given)
        if (kind := special_kind(given)) is not None:
            raise _refused(
                path, "a study is a regular file", given=kind, allowed=_ENDINGS, next_step="Name a study file."
            )
        return user_code.find_file(Path.cwd(), str(path)), Path.cwd()
    except (ContentError, ValueError, OSError) as error:
        known = [f"studies/{file.name}" for file in user_code.list_files(Path.cwd(), "studies")]
        raise _refused(
            path,
            "there is no such file, neither here nor among the studies that come with the package",
            allowed=", ".join(known) or None,
            near=next((file for file in known if Path(file).stem == str(path)), None) or nearest(str(path), known),
            next_step="Check the path; `tuner new DIR` makes a new study.",
        ) from error


def parse(file: Path, shown_as: str) -> dict[str, Any]:
    """Parse a study file, as TOML or YAML by its suffix.

    Args:
        file: Its path.
        shown_as: Its path as the user named it, for messages.

    Raises:
        StudyFileError: It is not text, not TOML or YAML, empty, or not a table.
    """
    if file.suffix.lower() not in STUDY_SUFFIXES:
        raise _refused(
            shown_as,
            "a study file is TOML or YAML, and its suffix says which",
            given=file.suffix or "no suffix",
            allowed=", ".join(STUDY_SUFFIXES),
            next_step="Rename the file.",
        )
    text = _text(file, shown_as)
    parsed = _toml(text, shown_as) if file.suffix.lower() == ".toml" else _yaml(text, shown_as)
    if parsed is None or parsed == {}:
        raise _refused(
            shown_as,
            "the file is empty",
            allowed='at least model = "models/mlp.py" and a section [data] with a source',
            next_step="Start from an example: `tuner new DIR` creates one.",
        )
    if not isinstance(parsed, Mapping):
        raise _refused(
            shown_as,
            "the file must hold keys and sections",
            given=f"a {type(parsed).__name__}",
            allowed="keys such as model: models/mlp.py, and sections such as data:",
            next_step="Start from an example: `tuner new DIR` creates one.",
        )
    return dict(parsed)


def _refused_folder(path: Path | str, folder: Path) -> StudyFileError:
    inside = sorted(file.name for file in folder.iterdir() if file.suffix in STUDY_SUFFIXES)
    hint = f"Name one of its files: {', '.join(inside[:10])}." if inside else "Name a study file."
    return _refused(path, "a study is a file, but this is a folder", allowed=_ENDINGS, next_step=hint)


def _text(file: Path, shown_as: str) -> str:
    try:
        raw = read_bytes(file, MAX_BYTES)
    except OSError as error:
        raise _refused(
            shown_as, "the file cannot be read", given=error.strerror, next_step="Check its permissions."
        ) from error
    except ValueError as error:
        raise _refused(
            shown_as,
            f"a study file is a regular file of at most {MAX_BYTES:,} bytes",
            given=str(error),
            next_step="This looks like another kind of file; name the study file.",
        ) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(
            shown_as,
            "the file is not UTF-8 text",
            given=f"byte 0x{raw[error.start]:02x} at position {error.start}",
            allowed="UTF-8 text",
            next_step="This looks like another kind of file; name the study file, or save it as UTF-8.",
        ) from error


def _toml(text: str, shown_as: str) -> Any:
    try:
        return parse_toml(text)
    except (ValueError, RecursionError) as error:
        raise _not_readable("TOML", text, _nested(error) or str(error), shown_as) from error


def _yaml(text: str, shown_as: str) -> Any:
    import yaml

    from tuner.study.yaml_loader import StudyLoader

    try:
        return yaml.load(text, Loader=StudyLoader)
    except Exception as error:  # constructors of PyYAML let anything through: KeyError, IndexError, OverflowError …
        mark = getattr(error, "problem_mark", None)
        place = f" (at line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        reason = _nested(error) or str(getattr(error, "problem", None) or str(error).partition("\n")[0])
        raise _not_readable("YAML", text, f"{reason}{place}", shown_as) from error


def _nested(error: Exception) -> str | None:
    return "it is nested too deep" if isinstance(error, RecursionError) else None


def _not_readable(language: str, text: str, reason: str, shown_as: str) -> StudyFileError:
    """Make the error of a parser, with the line where it stopped and, for a duplicate, the key."""
    found = re.search(r"line (\d+)", reason)
    lines = text.splitlines()
    line = (
        lines[int(found.group(1)) - 1].strip()[:_LONGEST_LINE] if found and int(found.group(1)) <= len(lines) else None
    )
    twice = re.search(r"overwrite|twice|declare", reason, re.IGNORECASE)
    start = re.match(r"\[*\s*([\w.\-]+)", line) if twice and line else None
    return _refused(
        shown_as,
        f"a key may occur only once: {reason}" if twice else f"the file must be {language}: {reason}",
        given=line,
        allowed=f"{language}, such as learning_rate = 0.01" if language == "TOML" else f"{language}, such as seed: 1",
        next_step="Keep one of the two." if twice else "Correct this line: write text in quotes, sections in [ ].",
        key=start.group(1) if start else "",
    )


def _refused(
    path: Path | str,
    rule: str,
    *,
    given: str | None = None,
    allowed: str | None = None,
    near: str | None = None,
    next_step: str,
    key: str = "",
) -> StudyFileError:
    return StudyFileError(str(path), [Problem(key, rule, given, allowed, near, next_step)])

"""Names of studies, and the name in a file without loading its data."""

from __future__ import annotations

import re
from pathlib import Path

from tuner.errors import UsageError, shown
from tuner.study.study_file_syntax import STUDY_SUFFIXES, locate, parse

_FILES = (*STUDY_SUFFIXES, ".json", ".keras")
"""What commands and functions that take a study take for a file."""

NAME_PATTERN = rf"(?!.*({'|'.join(ending.replace('.', '[.]') for ending in _FILES)})$)\w([\w .+-]{{0,98}}[\w.+-])?"
NAME_RULE = (
    "a name has 1 to 100 letters, digits, spaces and . _ + -, starts with a letter, digit or _, "
    f"and does not end in a space or like a file ({', '.join(_FILES)})"
)


def is_study_name(text: str) -> bool:
    """Check that a text may be the name of a study."""
    return re.fullmatch(NAME_PATTERN, text) is not None


def check_study_name(name: str) -> None:
    """Check that a study may have this name.

    Raises:
        UsageError: It may not.
    """
    if not is_study_name(name):
        raise UsageError(f"{NAME_RULE[0].upper()}{NAME_RULE[1:]}, but got {shown(name)}. Choose another name.")


def study_name_in(path: str | Path) -> tuple[str, Path]:
    """Return name and project of the study in a file.

    Raises:
        StudyFileError: The file cannot be found or read.
    """
    file, project = locate(path)
    name = parse(file, str(path)).get("name", file.stem)
    return str(name), project

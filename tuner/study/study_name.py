"""The name of the study in a file, without loading its data."""

from __future__ import annotations

from pathlib import Path

from tuner.study.study_file_parser import locate, parse


def study_name_in(path: str | Path) -> tuple[str, Path]:
    """Return name and project of the study in a file.

    Raises:
        StudyFileError: The file cannot be found or read.
    """
    file, project = locate(path)
    name = parse(file, str(path)).get("name", file.stem)
    return str(name), project

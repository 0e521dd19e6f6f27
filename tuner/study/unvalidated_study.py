"""What a study file says about a run, before the study is read and its data are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tuner.study.study_file_syntax import locate, parse
from tuner.untrusted_files import nested


@dataclass(frozen=True)
class StudyOutline:
    """A study as its file has it; nothing is checked.

    Attributes:
        name: Its name.
        project: The folder that its references are relative to.
        source: What its data come from, or None.
        axes: Axes of one row, if `shape` says so, or None.
        workers: Worker processes, or None.
        trials: Trials in total, or None.
        notify: Command that is run when a run ends, or None.
    """

    name: str
    project: Path
    source: str | None
    axes: int | None
    workers: int | None
    trials: int | None
    notify: str | None


def read_outline(path: str | Path) -> StudyOutline:
    """Parse a study file; a key that has not the type it must have counts as missing.

    Raises:
        StudyFileError: The file cannot be found or read.
    """
    file, project = locate(path)
    content = parse(file, str(path))
    data = nested(content, "data")
    source, shape, notify = data.get("source"), data.get("shape"), nested(content, "notify").get("command")
    return StudyOutline(
        name=str(content.get("name", file.stem)),
        project=project.resolve(),
        source=source if isinstance(source, str) else None,
        axes=len(shape) if isinstance(shape, list) else None,
        workers=_positive(content.get("workers")),
        trials=_positive(nested(content, "budget").get("trials")),
        notify=notify if isinstance(notify, str) and notify.strip() else None,
    )


def _positive(value: object) -> int | None:
    return value if type(value) is int and value > 0 else None

"""Write the files of a study of a Python session, unless that would change the setup of its trials."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tuner.errors import (
    StorageError,
    StorageUnavailableError,
    StudyChangedError,
    StudyFileError,
    StudyNotFoundError,
    UsageError,
)
from tuner.runner.launch import read_given_study
from tuner.study import (
    STUDIES_FOLDER,
    PythonStudy,
    StudySpec,
    check_replaceable,
    difference,
    fingerprint,
    python_study,
    read_study_dict,
    replace_files,
    resume_study,
    staged_files,
)
from tuner.text import count
from tuner.user_code import check_outside_of_loading

_MOST_LINES = 40
"""Lines of changed functions in a message."""

_WITH_RESULTS = ("COMPLETE", "PRUNED", "RUNNING")


def given_study(
    study: str | Path | Mapping[str, Any] | None,
    parts: Mapping[str, Any],
    limits: Mapping[str, Any],
    name: str | None,
    project: str | Path | None,
    storage: str | None,
    *,
    replace: bool,
) -> StudySpec:
    """Read a whole study, or write one of the parts that are given instead.

    Args:
        study: A study file, its content, or None.
        parts, limits: Keys and sections of a study file, or None for each; a whole study takes the limits only.
        name: Name of the study, or None.
        project, storage: See `tuner.run`.
        replace: Whether files of a study that asks something else are replaced.

    Raises:
        UsageError: A part is given along with a whole study.
        TunerError: See `read_given_study` and `write_python_study`.
    """
    if study is None:
        written = {**parts, **limits, "name": name}
        return write_python_study(written, Path(project or "."), storage, keep=not replace)
    for key, value in {**parts, "project": project}.items():
        if value is not None:
            raise UsageError(f"`{key}` is a part of a study, but a whole study is given as well. Put it in there.")
    return read_given_study(study, name, limits)


def write_python_study(given: Mapping[str, Any], project: Path, storage: str | None, *, keep: bool) -> StudySpec:
    """Write the files of a study that is given by keyword arguments, and read it.

    Args:
        given: Keys of the study file, with rows where it names sources.
        project: Folder that `studies/` and the database are in.
        storage: URL of the database; None for that of the project.
        keep: Whether trials of this name are gone on with.

    Raises:
        StudyChangedError: They have another setup; then nothing was written.
        TunerError: See `tuner.errors`.
    """
    from tuner.storage import default_url

    check_outside_of_loading("it runs a study")
    study = python_study(given, project)
    known = keep and (project / study.file).is_file()
    before = _fingerprint_before(storage or default_url(project), study.name) if known else None
    return _written(study, project, before)


def _fingerprint_before(url: str, name: str) -> Mapping[str, Any] | None:
    """Return the fingerprint of the study of this name, or None if it has no trials that count."""
    from tuner.storage import open_read_only, read_study_record

    try:
        database = open_read_only(url)
    except StorageUnavailableError:
        raise  # its trials are not known now, so nothing may be replaced
    except StorageError:
        return None  # it does not exist yet
    try:
        record = read_study_record(database, name)
    except StudyNotFoundError:
        return None
    finally:
        database.close()
    counted = any(trial.state.name in _WITH_RESULTS for trial in record.trials)
    return record.attrs.fingerprint if counted and record.attrs.fingerprint else None


def _written(study: PythonStudy, project: Path, before: Mapping[str, Any] | None) -> StudySpec:
    """Write the files of a study, and return it as it is read from them.

    Args:
        study: The study.
        project: The folder that they are written below.
        before: The fingerprint of its trials, or None if there are none.

    Raises:
        StudyChangedError: It differs from that of the trials; then nothing was written.
    """
    file = str(project / study.file)
    new: list[Path] = []
    try:
        with staged_files(study, project) as differing:
            check_replaceable(study, project, differing)
            new += replace_files(
                {name: path for name, path in differing.items() if not _place(project, name).exists()}, project
            )
            changed = {name: path for name, path in differing.items() if path.exists()}
            if before is not None and changed:
                _check_same(
                    _read_staged(study, project, changed, before), study, before, _changed_code(study, project, changed)
                )
            else:  # with `before`, what differs is not the setup: the same rows in other bytes
                replace_files(changed, project)
        spec = read_study_dict(study.content, project, file)
        if before is not None:
            _check_same(fingerprint(resume_study(spec, before)), study, before)
        _replace_text(project / study.file, study.text())
    except BaseException:
        for path in new:
            path.unlink(missing_ok=True)
        raise
    return spec


def _place(project: Path, name: str) -> Path:
    return project / STUDIES_FOLDER / name


def _read_staged(
    study: PythonStudy, project: Path, changed: Mapping[str, Path], before: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the fingerprint that the study would have with the new rows, and the functions as they were.

    It is None if these cannot be read together.
    """
    data = study.content.get("data", {})
    staged = {key: str(changed[name]) for key, name in study.row_files() if name in changed}
    try:
        spec = read_study_dict({**study.content, "data": {**data, **staged}}, project, study.file)
    except StudyFileError:
        if study.code_file in changed:
            return None
        raise
    return {**fingerprint(resume_study(spec, before)), **{f"data.{key}": data[key] for key in staged}}


def _changed_code(study: PythonStudy, project: Path, changed: Mapping[str, Path]) -> list[str]:
    """Return the lines of the functions that have changed."""
    if study.code_file not in changed:
        return []
    before, now = (
        path.read_text(encoding="utf-8").splitlines()
        for path in (_place(project, study.code_file), changed[study.code_file])
    )
    lines = [line for line in difflib.unified_diff(before, now, n=0, lineterm="") if line[:2] not in ("--", "++", "@@")]
    more = [f"… and {count(len(lines) - _MOST_LINES, 'more line')}"] if len(lines) > _MOST_LINES else []
    return [
        f"the content of {STUDIES_FOLDER}/{study.code_file}:",
        *(f"  {line}" for line in [*lines[:_MOST_LINES], *more]),
    ]


def _check_same(
    now: Mapping[str, Any] | None, study: PythonStudy, before: Mapping[str, Any], changed_code: Sequence[str] = ()
) -> None:
    """Refuse another setup than that of the trials; `now` is its fingerprint, without the changed code."""
    lines = [f"  {line}" for line in [*(difference(before, now) if now is not None else []), *changed_code]]
    if lines:
        raise StudyChangedError(
            "All trials of a study must have the same setup, but what tuner.run gets has changed since "
            f"{study.name!r} was started:\n" + "\n".join(lines) + f'\nGive it another name, name="{study.name}-2", '
            "or undo the change. Budgets (other than epochs, keep, stop and repeats), sampler and pruner may change "
            "freely."
        )


def _replace_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror or error}. Name another folder: project=..."
        ) from error

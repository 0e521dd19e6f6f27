"""The source of the code that a study names: model, losses, metrics and the like, and what these import."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tuner.errors import ContentError
from tuner.report.html_components import code
from tuner.report.study_view import StudyView
from tuner.study import code_hashes
from tuner.text import Html, count, element
from tuner.untrusted_files import read_bytes, reason
from tuner.user_code import Reference, find_file, find_project

_LONGEST_BYTES = 100_000


def study_code(results: StudyView) -> Html | None:
    """Show each file, or say why it cannot be shown; None if the study names none.

    Names and hashes come from the database, so only a Python file of the project that has the hash is shown.
    """
    hashes = code_hashes(results.fingerprint)
    if not hashes:
        return None
    project = _project(results.info.file)
    return element(
        "details",
        element("summary", f"The code that the study names, {count(len(hashes), 'file')}"),
        [_source(project, path, expected) for path, expected in hashes.items()],
    )


def _project(study_file: str | None) -> Path:
    """Return the project of a study file, or the current folder if the file is not here."""
    try:
        known = study_file is not None and Path(study_file).is_file()
    except OSError:  # too long a name
        known = False
    return find_project(Path(study_file)) if study_file is not None and known else Path.cwd()


def _source(project: Path, path: str, expected: str) -> Html:
    try:
        content = read_bytes(find_file(project, Reference.parse(path, "").path), _LONGEST_BYTES)
    except ContentError:
        return _missing(path, f"is not in {project.resolve()}, where it was looked for")
    except (OSError, ValueError) as error:
        return _missing(path, f"is not shown: {reason(error)}")
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        return _missing(path, f"has changed since the study was started (sha256 {found[:12]}, then {expected[:12]})")
    return code(content.decode("utf-8", "replace"), path)


def _missing(path: str, why: str) -> Html:
    return element("p", element("code", path), f" {why}.", class_="note")

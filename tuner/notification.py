"""The command in `[notify]`, executed when a run of a study ends."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuner.errors import StudyFileError, TunerError
from tuner.runner import Progress
from tuner.study import StudySpec, read_outline
from tuner.text import format_error, visible_line

TIMEOUT_S = 60.0
"""Time after which the command is ended."""

Ended = tuple[str, str, str]
"""Name of a study, URL of its database, and why the run ended."""


def run_and_notify(
    study: str | Path | Mapping[str, Any] | None,
    name: str | None,
    read: Callable[[], StudySpec],
    begin: Callable[..., Ended],
    show: Callable[[Progress], None],
    summary: Callable[[Ended], Mapping[str, Any]],
) -> Ended:
    """Read and run a study, then run the command of its `[notify]`, if it has one.

    Args:
        study: As for `tuner.run`; if it is a file, its command hears that the study cannot be read.
        name: Name of the study that replaces that in the file, or None.
        read: Reads the study.
        begin: Runs the study; takes it, and `show`.
        show: Called with the progress.
        summary: Reads the result that the command gets.
    """
    with _notify_if_refused(study, name, show):
        spec = read()
    if spec.notify is None:
        return begin(spec, show=show)
    last = Progress.at_start(spec.metric, spec.budget.trials, spec.budget.time_s, 0.0)

    def show_and_keep(progress: Progress) -> None:
        nonlocal last
        last = progress
        show(progress)

    content: dict[str, Any] | None = None
    try:
        ended = begin(spec, show=show_and_keep)
        content = {"ended": ended[2], "error": None, **summary(ended)}
    except TunerError as error:
        content = {"study": spec.name, "ended": "failed", "error": str(error)}
        raise
    finally:
        note = None if content is None else notify(spec.notify, content, spec.project)
        if note is not None:
            show(replace(last, note=note))
    return ended


@contextlib.contextmanager
def _notify_if_refused(
    study: str | Path | Mapping[str, Any] | None, name: str | None, show: Callable[[Progress], None]
) -> Iterator[None]:
    """Run the command of a file that can be parsed, though not be used: a scheduled run has nobody who sees why."""
    try:
        yield
    except StudyFileError as error:  # not what refuses the arguments of the call
        with contextlib.suppress(StudyFileError):
            outline = read_outline(study) if isinstance(study, str | Path) else None
            if outline is not None and outline.notify is not None:
                content = {"study": name or outline.name, "ended": "failed", "error": str(error)}
                note = notify(outline.notify, content, outline.project)
                if note is not None:
                    show(Progress.at_start("", outline.trials, None, 0.0, note))
        raise


def notify(command: str, content: Mapping[str, Any], project: Path) -> str | None:
    """Run the command, without a shell, in the project.

    Args:
        command: The program with its arguments, quoted as in a shell.
        content: What it gets as JSON on standard input.
        project: The project.

    Returns:
        What went wrong, or None.
    """
    try:
        done = subprocess.run(
            shlex.split(command),
            input=json.dumps(content).encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=project,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return f"The [notify] command took longer than {TIMEOUT_S:g} s, and was ended."
    except (OSError, ValueError) as error:
        return f"The [notify] command cannot be run: {format_error(error)}."
    if done.returncode == 0:
        return None
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    said = f": {visible_line(last[0])}" if last else ""
    return f"The [notify] command failed with exit code {done.returncode}{said}"

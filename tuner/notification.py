"""The command in `[notify]`, executed when a run of a study ends."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuner.errors import TunerError
from tuner.runner import Progress
from tuner.study import StudySpec
from tuner.text import format_error, visible_line

TIMEOUT_S = 60.0
"""Time after which the command is ended."""

Ended = tuple[str, str, str]
"""Name of a study, URL of its database, and why the run ended."""


def run_and_notify(
    spec: StudySpec,
    show: Callable[[Progress], None],
    begin: Callable[..., Ended],
    summary: Callable[[Ended], Mapping[str, Any]],
) -> Ended:
    """Run a study, then the command of its `[notify]`, if it has one.

    Args:
        spec: The study.
        show: Called with the progress.
        begin: Runs the study; takes `show`.
        summary: Reads the result that the command gets.
    """
    if spec.notify is None:
        return begin(show=show)
    last = Progress.at_start(spec.metric, spec.budget.trials, spec.budget.time_s, 0.0)

    def show_and_keep(progress: Progress) -> None:
        nonlocal last
        last = progress
        show(progress)

    content: dict[str, Any] | None = None
    try:
        ended = begin(show=show_and_keep)
        content = {"ended": ended[2], "error": None, **summary(ended)}
    except TunerError as error:
        content = {"study": spec.name, "ended": "failed", "error": str(error)}
        raise
    finally:
        note = None if content is None else notify(spec.notify, content, spec.project)
        if note is not None:
            show(replace(last, note=note))
    return ended


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
    except OSError as error:
        return f"The [notify] command cannot be run: {format_error(error)}."
    if done.returncode == 0:
        return None
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    said = f": {visible_line(last[0])}" if last else ""
    return f"The [notify] command failed with exit code {done.returncode}{said}"

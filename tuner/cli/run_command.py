"""`tuner run FILE`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from tuner.catalog import TrialState
from tuner.cli.options import (
    json_option,
    positive_seconds,
    print_json,
    stdout_reserved_for_json,
    storage_option,
    traceback_option,
)
from tuner.errors import StudyFailedError
from tuner.study import MOST_WORKERS
from tuner.text import listed_counts, tuner_command

if TYPE_CHECKING:
    from tuner.runner import Progress
    from tuner.study_handle import StudyHandle


_LOWER_RATES = "Resume it with more --trials, or try lower learning rates under another name."
_STEPS = {
    "timeout": "Resume it with more --trials and a longer [budget] trial_time.",
    "out of memory": (
        "Resume it with more --trials, and fewer --workers or more [budget] memory, or search smaller networks under "
        "another name."
    ),
}
"""What to do if every trial ended for the same reason, by its first words."""


@click.command("run")
@click.argument("file", metavar="FILE")
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    help="Trials in total, including those of earlier runs; failed ones do not count.",
)
@click.option("--time", "time", metavar="DURATION", help="Wall time of this run, such as 90s, 10m, 1h30m, 2d.")
@click.option("--epochs", type=click.IntRange(min=1), help="Epochs per trial.")
@click.option(
    "--workers",
    type=click.IntRange(min=1, max=MOST_WORKERS),
    help="Worker processes.  [default: one per core, or as many as the cluster has room for]",
)
@click.option("--engine", help="Training engine: auto, compiled or fit.  [default: auto]")
@click.option(
    "--executor",
    type=click.Choice(["local", "ray"]),
    help="Where trials are trained: on this machine, or on a Ray cluster.  [default: local]",
)
@click.option("--address", help="Address of the Ray cluster.  [env: RAY_ADDRESS; default: start Ray for this run]")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of all random numbers.")
@storage_option
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Print only the result.")
@traceback_option
@click.option("--fork", metavar="NEW_NAME", help="Run the study under another name.")
@click.option("--restart", is_flag=True, help="Start over with trial 0; the existing study is kept as NAME.1.")
@click.pass_context
def command(
    ctx: click.Context,
    file: str,
    trials: int | None,
    time: str | None,
    epochs: int | None,
    workers: int | None,
    engine: str | None,
    executor: str | None,
    address: str | None,
    seed: int | None,
    storage: str | None,
    as_json: bool,
    quiet: bool,
    fork: str | None,
    restart: bool,
) -> None:
    """Run the study in FILE.  The same command resumes it.

    Ctrl-C once lets the running trials finish, twice stops at once; nothing is lost.
    """
    time_s = positive_seconds(time)
    if executor != "ray":
        from tuner.runner import preload_workers

        preload_workers(file, name=fork, storage=storage, trials=trials, workers=workers, restart=restart)
    from tuner.display import terminal_display

    told = set[str]()
    with terminal_display(silent=quiet or as_json) as display, stdout_reserved_for_json(as_json):
        study = _run(
            file,
            name=fork,
            storage=storage,
            executor=executor or "local",
            address=address,
            progress=False,
            show=_remembering(display, told),
            restart=restart,
            trials=trials,
            time_s=time_s,
            epochs=epochs,
            workers=workers,
            engine=engine,
            seed=seed,
        )
    from tuner.cli.render_study import render_result

    content = study.summary()
    if as_json:
        print_json(content)
    else:
        render_result(content, study.ended, told)
    if study.ended == "interrupted":
        ctx.exit(130)
    if content["best"] is None:
        raise StudyFailedError(_nothing_complete(content))


def _remembering(display: Callable[[Progress], None], told: set[str]) -> Callable[[Progress], None]:
    """Return a function that shows progress, and adds its notes to `told`."""

    def show(progress: Progress) -> None:
        if progress.note:
            told.add(progress.note)
        display(progress)

    return show


def _run(file: str, **options: Any) -> StudyHandle:
    """Run a study, and return the handle of an interrupted run as well."""
    from tuner.api import run
    from tuner.study_handle import StudyHandle

    try:
        return run(file, **options)
    except KeyboardInterrupt as interrupted:
        if not isinstance(study := getattr(interrupted, "study", None), StudyHandle):
            raise  # before the first trial, or after three
        return study


def _nothing_complete(content: dict[str, Any]) -> str:
    counts = listed_counts(content["counts"]) or "no trials"
    reasons = [row["reason"] for row in content["trials"] if row["reason"]]
    last = f" The last reason: {reasons[-1].rstrip('.')}." if reasons else ""
    step = "Fix the cause, then run the same command again."
    if content["counts"][TrialState.DIVERGED] or content["counts"][TrialState.PRUNED]:
        ends = {reason.partition(":")[0] for reason in reasons}
        step = _STEPS[ends.pop()] if len(ends) == 1 and ends <= _STEPS.keys() else _LOWER_RATES
    over = content["over_limit"]
    if over["trials"]:
        whole = over["trials"] == sum(content["counts"].values())
        last, step = "", over["text"] if whole else f"{over['text']}{last} {step}"
    return (
        f"A study needs a complete trial, but {content['study']!r} has none ({counts}).{last} {step} "
        f"`{tuner_command('show', content['study'])}` lists all reasons."
    )

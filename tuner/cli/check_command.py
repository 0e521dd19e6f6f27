"""`tuner check FILE`."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import click

from tuner.cli.options import json_option, print_json, stdout_reserved_for_json, storage_option, traceback_option


@click.command("check")
@click.argument("file", metavar="FILE")
@click.option(
    "--train",
    is_flag=True,
    help="Also train the first setting for two epochs, and show which engine trains it, how fast, and at which rates "
    "each optimizer learns, by a short ramp.",
)
@click.option("--all", "everything", is_flag=True, help="Also list what is fixed at its default.")
@partial(storage_option, database="Database of the older studies that [sampler] from names")
@json_option
@traceback_option
@click.pass_context
def command(ctx: click.Context, file: str, train: bool, everything: bool, storage: str | None, as_json: bool) -> None:
    """Validate the study in FILE and its data, and explain what it means; nothing is written.

    All problems are reported at once: the key, what was given, what is allowed, the nearest valid name. Losses, metrics
    and other parts of yours are called with a few rows.
    """
    from tuner.errors import StudyFailedError, StudyFileError
    from tuner.study import read_study, try_user_objects

    try:
        with stdout_reserved_for_json(as_json):
            spec = read_study(file)
            try_user_objects(spec)
    except StudyFileError as error:
        if not as_json:
            raise
        print_json({"file": file, "ok": False, "problems": [vars(problem) for problem in error.problems]})
        ctx.exit(error.exit_code)
    from tuner.study import explain

    explained: dict[str, Any] = {**explain(spec), "tried": None}
    if spec.older:
        from tuner.runner import older_points
        from tuner.storage import default_url

        points = older_points(spec, storage or default_url(spec.project))
        explained["initial_points"]["older"] = [point.model_dump() for point in points]
    if train:
        from tuner.runner import dry_run_study

        try:
            with stdout_reserved_for_json(as_json):
                explained["tried"] = dataclasses.asdict(dry_run_study(spec))
        except StudyFailedError:  # the advice on the data may say why
            if not as_json:
                _show(explained, everything)
            raise
    if as_json:
        print_json({"file": file, "ok": True, "problems": [], **explained})
    else:
        _show(explained, everything)


def _show(explained: dict[str, Any], everything: bool) -> None:
    from tuner.cli.render_study import render_explanation

    render_explanation(explained, everything=everything)

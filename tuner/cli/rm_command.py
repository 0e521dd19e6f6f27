"""`tuner rm STUDY`."""

from __future__ import annotations

import sys

import click

from tuner.cli.echo import echo
from tuner.cli.options import open_existing, storage_option, study_argument, study_name
from tuner.errors import UsageError
from tuner.text import count


@click.command("rm")
@study_argument
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
@storage_option
def command(study: str, yes: bool, storage: str | None) -> None:
    """Delete STUDY with all its trials.  It cannot be undone.

    STUDY is a name or a study file; the file is kept.
    """
    from tuner.storage import count_trials, delete_study, find_study

    name, project = study_name(study)
    database = open_existing(storage, project, write=True)
    trials = count(count_trials(database, find_study(database, name).study_id), "trial")
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"Deleting {name!r} with {trials} must be confirmed, but there is no terminal. Add --yes.")
        click.confirm(f"Delete {name!r} with {trials}? It cannot be undone.", abort=True, err=True)
    delete_study(database, name)
    database.close()
    echo(f"deleted {name!r} with {trials}")

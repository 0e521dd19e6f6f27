"""`tuner rename STUDY NEW_NAME`."""

from __future__ import annotations

import click

from tuner.cli.echo import echo
from tuner.cli.options import open_existing, storage_option, study_argument, study_name


@click.command("rename")
@study_argument
@click.argument("new_name", metavar="NEW_NAME")
@storage_option
def command(study: str, new_name: str, storage: str | None) -> None:
    """Rename STUDY to NEW_NAME.

    STUDY is a name or a study file.  The `name` in the file is yours to change: with the old name `tuner run` starts a
    new study.
    """
    from tuner.storage import rename_study
    from tuner.study import check_study_name

    name, project = study_name(study)
    check_study_name(new_name)
    database = open_existing(storage, project, write=True)
    rename_study(database, name, new_name)
    database.close()
    echo(f"renamed {name!r} to {new_name!r}")

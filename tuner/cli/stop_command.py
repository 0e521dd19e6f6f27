"""`tuner stop STUDY`."""

from __future__ import annotations

import click

from tuner.cli.echo import echo
from tuner.cli.options import open_existing, storage_option, study_argument, study_name
from tuner.text import count, listed


@click.command("stop")
@study_argument
@click.option("--now", is_flag=True, help="End the running trials as well; they run again when the study is resumed.")
@storage_option
def command(study: str, now: bool, storage: str | None) -> None:
    """Stop STUDY wherever it runs, as Ctrl-C there would: the running trials are finished first.

    STUDY is a name or a study file.
    """
    from tuner.storage import HEARTBEAT_INTERVAL_S, request_stop

    name, project = study_name(study)
    database = open_existing(storage, project, write=True)
    asked = request_stop(database, name, at_once=now)
    database.close()
    if not asked:
        echo(f"{name!r} is not running")
        return
    where = listed([f"{lease.pid} on {lease.host.partition(' ')[0]}" for lease in asked])
    processes = count(len(asked), "process", "processes")
    echo(f"asked {processes} to stop ({where}); each notices within {HEARTBEAT_INTERVAL_S:.0f} s")

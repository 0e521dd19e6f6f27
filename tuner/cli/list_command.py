"""`tuner list`."""

from __future__ import annotations

import click

from tuner.cli.echo import echo
from tuner.cli.options import json_option, open_existing, print_json, storage_option


@click.command("list")
@storage_option
@json_option
def command(storage: str | None, as_json: bool) -> None:
    """List the studies of the database."""
    from tuner.results import list_studies

    rows = list_studies(open_existing(storage))
    if as_json:
        print_json(rows)
        return
    if not rows:
        echo("The database holds no study yet.")
        return
    from tuner.cli.console import console
    from tuner.cli.render_study import render_studies

    render_studies(console(), rows)

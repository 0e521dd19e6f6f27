"""`tuner new DIR`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.standard_streams import echo
from tuner.text import shell_command


@click.command("new")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
def command(folder: Path) -> None:
    """Start a project in DIR: a study that is ready to run, and a model to change.

    Existing files are kept.
    """
    from tuner.study import new_project

    made, kept = new_project(folder)
    for path in made:
        echo(f"created {path}")
    for path in kept:
        echo(f"kept {path}, which exists already")
    there = shell_command("cd", str(folder))
    echo(f"Next: {there}, then tuner check studies/first.toml and tuner run studies/first.toml")

"""`tuner new DIR`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.echo import echo
from tuner.text import shell_command


@click.command("new")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--data", "table", metavar="FILE", type=click.Path(path_type=Path), help="Table to write the study for.")
@click.option("--target", metavar="COLUMN", default="", help="Column of the table to predict.")
def command(folder: Path, table: Path | None, target: str) -> None:
    """Start a project in DIR: a study that runs as it is, and a model to change.

    With --data the study is written for your CSV or Parquet file: which columns are left out and why, how texts and
    empty cells become numbers, the task and the metric; each decision has a comment.

    Existing files are kept.
    """
    from tuner.errors import UsageError
    from tuner.study import new_project, read_study

    if (table is None) != (not target):
        raise UsageError(
            "A study for a table needs both --data FILE and --target COLUMN, but got one of them. "
            "Add the other, as in tuner new cells --data cells.csv --target kind."
        )
    made, kept = new_project(folder, table, target)
    for path in made:
        echo(f"created {path}")
    for path in kept:
        echo(f"kept {path}, which already exists")
    study = next(path for path in made + kept if path.parent.name == "studies")
    if study in made and table is not None:
        read_study(study)  # what is still to decide ends here, with the key to set
    file = study.relative_to(folder).as_posix()
    there = [] if folder.resolve() == Path.cwd() else [shell_command("cd", str(folder))]
    echo("Next:")
    for line in (*there, shell_command("tuner", "check", file), shell_command("tuner", "run", file)):
        echo(f"  {line}")

"""`tuner export STUDY`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from tuner.cli.options import (
    check_overwrite,
    code_option,
    find_study,
    storage_option,
    study_argument,
    study_name,
    write_text,
)
from tuner.cli.standard_streams import echo, write_file
from tuner.errors import UsageError
from tuner.text import python_text, shell_command

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("export")
@study_argument
@click.option(
    "--format",
    "kind",
    type=click.Choice(["json", "toml", "python"]),
    default="json",
    show_default=True,
    help="json, toml: the recipe, for tuner.best(FILE); python: a script that needs only keras, tensorflow and numpy.",
)
@click.option("-o", "--output", metavar="FILE", type=_FILE, help="File to write.  [default: standard output]")
@click.option("--trial", type=click.IntRange(min=0), metavar="N", help="Number of the trial.  [default: the best]")
@click.option("--data", metavar="FILE", type=_FILE, help="Also write the rows of the study, .npz, for the script.")
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@code_option
@storage_option
def command(
    study: str,
    kind: str,
    output: Path | None,
    trial: int | None,
    data: Path | None,
    force: bool,
    code: tuple[str, ...],
    storage: str | None,
) -> None:
    """Export the best configuration of STUDY, or of another trial, for use without the database.

    It contains the recipe and the preprocessing that was fitted on the training data, which are read for it.  STUDY is
    a name or a study file.
    """
    from tuner.export import export, save_rows

    _check_files(output, data, force)
    project = study_name(study)[1] or Path.cwd()
    found = find_study(study, storage)
    exported = export(found, project, trial, code)
    if kind == "python":
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        from tuner.export import python_script

        text = python_script(exported, project, code)
    else:
        text = (
            exported.to_toml() if kind == "toml" else json.dumps(exported.to_json(), indent=2, allow_nan=False) + "\n"
        )
    if data is not None:
        save_rows(found, exported, project, data)
        echo(f"Wrote {data}: the rows of the study", err=True)
    if output is None:
        write_file(text)
        return
    write_text(output, text)
    echo(f"Wrote {output}: trial {exported.trial} of {exported.study}", err=True)
    echo(_next(kind, output, data), err=True)


def _check_files(output: Path | None, data: Path | None, force: bool) -> None:
    if data is not None and data.suffix != ".npz":
        raise UsageError(f"--data writes NumPy's .npz, but got {str(data)!r}. End its name in .npz.")
    for file in (output, data):
        if file is not None:
            check_overwrite(file, force)


def _next(kind: str, output: Path, data: Path | None) -> str:
    if kind != "python":
        return f"In Python: tuner.best({python_text(str(output))})"
    return f"Next: {shell_command('python', str(output), str(data or 'rows.npz'))}" + (
        "" if data else ", with the rows from --data rows.npz"
    )

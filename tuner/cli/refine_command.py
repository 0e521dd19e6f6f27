"""`tuner refine STUDY`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.options import (
    find_study,
    json_option,
    print_json,
    storage_option,
    study_argument,
    study_name,
    write_text,
)
from tuner.errors import UsageError
from tuner.output_files import check_output


@click.command("refine")
@study_argument
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Study file to write, TOML; usually studies/NAME.toml of the project.",
)
@click.option(
    "--top",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.2,
    show_default=True,
    help="Share of the complete trials that count as the best ones; at least five.",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@storage_option
@json_option
def command(study: str, output: Path, top: float, force: bool, storage: str | None, as_json: bool) -> None:
    """Write a narrower study around the best trials of STUDY: from coarse to fine.

    Ranges shrink to the values of the best trials, learning rates for each optimizer; choices that none of them uses
    are left out if they were tried often enough.  At most half of the space is left, or the file says why.  The first
    trials are the best settings of STUDY, a name or a study file.
    """
    from tuner.analysis import refine

    if output.suffix.lower() != ".toml":
        raise UsageError(f"`tuner refine` writes TOML, but got {str(output)!r}. Use a name that ends in .toml.")
    check_output(output, (), force)
    project = study_name(study)[1] or Path.cwd()
    refined = refine(find_study(study, storage), output, project, top)
    write_text(output, refined.text)
    if as_json:
        print_json({"file": str(output), **refined.to_json()})
        return
    from tuner.cli.render_analysis import render_refinement

    render_refinement(refined.to_json(), str(output))

"""`tuner refine STUDY`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.options import find_study, json_option, print_json, storage_option, study_argument, study_name
from tuner.errors import UsageError


@click.command("refine")
@study_argument
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the study file, TOML: studies/NAME.toml of the project.",
)
@click.option(
    "--top",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.2,
    show_default=True,
    help="Share of the complete trials that counts as the best ones; five at least.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@storage_option
@json_option
def command(study: str, output: Path, top: float, force: bool, storage: str | None, as_json: bool) -> None:
    """Write a narrower study around the best trials of STUDY: from coarse to fine.

    Ranges shrink to what the best trials have; choices that none of them has are left out, where they were tried often
    enough.  Comments in the file say why.  STUDY is a name or a study file.
    """
    from tuner.analysis import refine

    if output.suffix.lower() != ".toml":
        raise UsageError(f"A study file that is written is TOML, but got {str(output)!r}. End its name in .toml.")
    if output.exists() and not force:
        raise UsageError(f"{output} is there already. Name another file, or write over it with --force.")
    project = study_name(study)[1] or Path.cwd()
    refined = refine(find_study(study, storage), output, project, top)
    try:
        output.write_text(refined.text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}. Name another file.") from error
    if as_json:
        print_json({"file": str(output), **refined.to_json()})
        return
    from tuner.cli.render_compare import render_refinement

    render_refinement(refined.to_json(), str(output))

"""`tuner train STUDY`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.options import (
    code_option,
    json_option,
    print_json,
    stdout_reserved_for_json,
    storage_option,
    study_argument,
)
from tuner.errors import StudyFailedError


@click.command("train")
@study_argument
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to save the model; ends in .keras.",
)
@click.option("--top", type=click.IntRange(1, 100), default=3, show_default=True, help="How many recipes.")
@click.option("--seeds", type=click.IntRange(2, 1000), default=5, show_default=True, help="Trainings of each.")
@click.option("--seed", type=click.IntRange(min=0), help="What the seeds are made from.  [default: the study's]")
@click.option("--workers", type=click.IntRange(min=1, max=256), help="Worker processes.  [default: one a core]")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@code_option
@storage_option
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Print the result only.")
def command(
    study: str,
    output: Path,
    top: int,
    seeds: int,
    seed: int | None,
    workers: int | None,
    force: bool,
    code: tuple[str, ...],
    storage: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train the leading recipes of STUDY again with new seeds, and save a model of the one that is surest to be good.

    It is chosen by the lower end of its score on the validation part, must beat the best constant answer, is trained on
    all rows but those of the test, and scored on these once.  The file is loaded by plain Keras, and takes rows as the
    data source gives them.  STUDY is a name or a study file.

    Ctrl-C ends it at once; nothing is written then.
    """
    from tuner.api import train
    from tuner.cli.progress_bar import progress

    with progress(silent=quiet or as_json) as shown, stdout_reserved_for_json(as_json):
        trained = train(
            study,
            output,
            top=top,
            seeds=seeds,
            seed=seed,
            workers=workers,
            storage=storage,
            force=force,
            code=code,
            show=shown,
        )
    content = trained.to_json()
    if as_json:
        print_json(content)
    else:
        from tuner.cli.render_refit import render_refit

        render_refit(content)
    if trained.verdict == "none":
        raise StudyFailedError(trained.against_baseline)

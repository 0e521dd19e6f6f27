"""`tuner train STUDY`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.options import (
    code_option,
    default_file,
    json_option,
    print_json,
    stdout_reserved_for_json,
    storage_option,
    study_argument,
    study_name,
    traceback_option,
)
from tuner.errors import StudyFailedError, UsageError
from tuner.study import MOST_WORKERS


@click.command("train")
@study_argument
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File to save the model in; ends in .keras.  [default: STUDY.keras]",
)
@click.option("--top", type=click.IntRange(1, 100), help="Number of leading recipes.  [default: 3]")
@click.option(
    "--trial",
    "trials",
    metavar="N",
    type=click.IntRange(min=0),
    multiple=True,
    help="Trial to retrain, instead of the leading ones; repeatable.",
)
@click.option("--seeds", type=click.IntRange(2, 1000), default=5, show_default=True, help="Trainings of each.")
@click.option(
    "--seed", type=click.IntRange(min=0), help="Seed that the training seeds derive from.  [default: the study's]"
)
@click.option("--single", is_flag=True, help="Save one network, not the ensemble of the seeds.")
@click.option("--save-anyway", is_flag=True, help="Save the best candidate even if there is no winner.")
@click.option(
    "--workers", type=click.IntRange(min=1, max=MOST_WORKERS), help="Worker processes.  [default: one per core]"
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@code_option
@storage_option
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Print only the result.")
@traceback_option
def command(
    study: str,
    output: Path | None,
    top: int | None,
    trials: tuple[int, ...],
    seeds: int,
    seed: int | None,
    single: bool,
    save_anyway: bool,
    workers: int | None,
    force: bool,
    code: tuple[str, ...],
    storage: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Retrain the leading recipes of STUDY with new seeds, and save a model of the one that is surest to be good.

    It is the one with the best pessimistic bound on its validation score, and must beat the best constant answer.  It
    is trained on all rows except the test part, and scored on that once.  Plain Keras loads the file, and the model
    takes rows as the data source returns them.  STUDY is a name or a study file.

    Ctrl-C stops it at once, and nothing is written.
    """
    if top is not None and trials:
        raise UsageError("Give --top, for the leading recipes, or --trial, for those of your choice: not both.")
    from tuner.api import train
    from tuner.display import terminal_display

    with terminal_display(silent=quiet or as_json) as shown, stdout_reserved_for_json(as_json):
        trained = train(
            study,
            output or default_file(study_name(study)[0], ".keras"),
            top=top,
            trials=trials or None,
            seeds=seeds,
            seed=seed,
            single=single,
            save_anyway=save_anyway,
            workers=workers,
            storage=storage,
            force=force,
            code=code,
            progress=False,
            show=shown,
        )
    content = trained.to_json()
    if as_json:
        print_json(content)
    else:
        from tuner.cli.render_refit import render_refit

        render_refit(content)
    if trained.file is None:
        raise StudyFailedError(trained.baseline.meaning)

"""`tuner compare STUDY`."""

from __future__ import annotations

import click

from tuner.cli.options import find_study, json_option, print_json, storage_option, study_argument


@click.command("compare")
@study_argument
@click.option(
    "--by",
    "dimensions",
    multiple=True,
    metavar="DIMENSION",
    help="Compare the values of a dimension: optimizer, learning_rate, model.units …; repeatable.",
)
@click.option(
    "--bins",
    type=click.IntRange(2, 20),
    default=4,
    show_default=True,
    help="Number of bins for a numeric range, with about the same number of trials in each.",
)
@storage_option
@json_option
def command(study: str, dimensions: tuple[str, ...], bins: int, storage: str | None, as_json: bool) -> None:
    """Compare the values of a dimension of STUDY: quality, speed, failures, cost.

    Without --by, show how much each dimension mattered, and its best value.  STUDY is a name or a study file.
    """
    from tuner.analysis import compare, importance

    found = find_study(study, storage)
    content = compare(found, dimensions, bins) if dimensions else importance(found)
    if as_json:
        print_json(content)
        return
    from tuner.cli.render_analysis import render_comparisons, render_importance

    (render_comparisons if dimensions else render_importance)(content)

"""`tuner compare STUDY`."""

from __future__ import annotations

import click

from tuner.cli.options import find_study, json_option, print_json, storage_option, study_argument
from tuner.errors import UsageError
from tuner.text import listed, tuner_command


@click.command("compare", context_settings={"allow_extra_args": True})
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
@click.pass_context
def command(
    ctx: click.Context, study: str, dimensions: tuple[str, ...], bins: int, storage: str | None, as_json: bool
) -> None:
    """Compare the values of a dimension of STUDY: quality, speed, failures, cost.

    Without --by, show how much each dimension mattered, and its best value.  STUDY is a name or a study file.
    """
    from tuner.analysis import compare, importance, searched_dimensions

    found = find_study(study, storage)
    if ctx.args:
        raise _too_many(study, ctx.args, set(searched_dimensions(found)))
    content = compare(found, dimensions, bins) if dimensions else importance(found)
    if as_json:
        print_json(content)
        return
    from tuner.cli.render_analysis import render_comparisons, render_importance

    (render_comparisons if dimensions else render_importance)(content)


def _too_many(study: str, more: list[str], dimensions: set[str]) -> UsageError:
    """Make the error for what is neither the study nor an option: dimensions without --by, or other studies."""
    by = more if dimensions.issuperset(more) else ["DIMENSION"]
    command = tuner_command("compare", study, *(word for name in by for word in ("--by", name)))
    others = (
        ""
        if by is more
        else " The best values of several studies stand together in `tuner list`, their histories in "
        "`tuner dashboard` on its page /dashboard/compare-studies."
    )
    given = listed([repr(name) for name in (study, *more)])
    return UsageError(
        f"This compares the values of a dimension in one study, but got {given}. Write `{command}`.{others}"
    )

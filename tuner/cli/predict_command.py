"""`tuner predict MODEL DATA`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuner.cli.standard_streams import binary_output, echo
from tuner.text import count, listed

if TYPE_CHECKING:
    from tuner.serving import FilePrediction

_LISTED = 10


@click.command("predict")
@click.argument("model", metavar="MODEL")
@click.argument("data", metavar="DATA")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to write the answers: .csv, .tsv, either with .gz, or .parquet; CSV to standard output without.",
)
@click.option("--keep", metavar="COLUMN", multiple=True, help="Repeat this column of DATA; may be given several times.")
@click.option(
    "--allow-unknown", is_flag=True, help="Let texts that the study did not have count as of no category, and go on."
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--quiet", "-q", is_flag=True, help="Print no notes.")
def command(
    model: str, data: str, output: Path | None, keep: tuple[str, ...], allow_unknown: bool, force: bool, quiet: bool
) -> None:
    """Answer each row of DATA by MODEL, a file that `tuner train` wrote.

    DATA is a CSV or Parquet file of any size with the columns that the study had, in any order; others are left out.
    The answers are classes with their probabilities, or values in the unit of the target, one row for each row of DATA.
    A row that cannot be answered ends the command with its number and column, and no file is written.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from tuner.api import predict

    done = predict(model, data, output or binary_output(), keep=keep, allow_unknown=allow_unknown, force=force)
    if not quiet:
        _show(done, output)


def _show(done: FilePrediction, output: Path | None) -> None:
    if done.left_out:
        more = len(done.left_out) - _LISTED
        names = [*done.left_out[:_LISTED], *([f"{more} more"] if more > 0 else [])]
        echo(f"Left out, as no features of the model: {listed(names)}", err=True)
    for found in done.unknown:
        echo(f"Counted as of no category: {found}", err=True)
    if output is not None:
        echo(f"Wrote {output}: {count(done.rows, 'row')}, {listed(done.columns[:_LISTED])}", err=True)

"""`tuner predict MODEL DATA`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuner.catalog import silence_tensorflow
from tuner.cli.echo import binary_output, echo
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
    help="File to write: .csv or .tsv, optionally with .gz, or .parquet.  [default: CSV to standard output]",
)
@click.option(
    "--keep", metavar="COLUMN", multiple=True, help="Copy this column (or array) of DATA to the output; repeatable."
)
@click.option("--allow-unknown", is_flag=True, help="Accept unknown categories, as belonging to no known one.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.option("--quiet", "-q", is_flag=True, help="Print no notes.")
def command(
    model: str, data: str, output: Path | None, keep: tuple[str, ...], allow_unknown: bool, force: bool, quiet: bool
) -> None:
    """Predict each row of DATA with MODEL, a file that `tuner train` wrote.

    DATA is a CSV or Parquet file of any size with the columns of the study, in any order; other columns are ignored.
    Or it is an .npz or .npy file, an image, or a folder of images, as the study had them; labels are ignored.
    Predictions are classes with their probabilities, or values in the unit of the target, one row per row of DATA.  An
    invalid row stops the command with its number and column, and no file is written.
    """
    with silence_tensorflow():
        from tuner.api import predict

        done = predict(model, data, output or binary_output(), keep=keep, allow_unknown=allow_unknown, force=force)
    if not quiet:
        _show(done, output)


def _show(done: FilePrediction, output: Path | None) -> None:
    if done.warning:
        echo(f"Warning: {done.warning}", err=True)
    for note in done.notes:
        echo(note, err=True)
    if done.left_out:
        more = len(done.left_out) - _LISTED
        names = [*done.left_out[:_LISTED], *([f"{more} more"] if more > 0 else [])]
        echo(f"Ignored, as they are not features of the model: {listed(names)}", err=True)
    for found in done.unknown:
        echo(f"{'Missing text' if found.text is None else 'Unknown category'}: {found}", err=True)
    if output is not None:
        echo(f"Wrote {output}: {count(done.rows, 'row')}, {listed(done.columns[:_LISTED])}", err=True)

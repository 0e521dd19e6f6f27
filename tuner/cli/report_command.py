"""`tuner report STUDY`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.options import find_study, storage_option, study_argument
from tuner.cli.standard_streams import echo
from tuner.errors import UsageError

_SUFFIXES = (".html", ".htm")


@click.command("report")
@study_argument
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the page: NAME.html.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@storage_option
def command(study: str, output: Path, force: bool, storage: str | None) -> None:
    """Write everything about STUDY into one page, which opens in any browser without a network.

    It holds the answer, the best recipe as code, history, curves, importances, comparisons, failures, cost, versions.
    STUDY is a name or a study file; it may still be running.
    """
    from tuner.report import report_page

    if output.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"A report is a page of HTML, but got {str(output)!r}. End its name in .html.")
    if not output.parent.is_dir():
        raise UsageError(f"The folder {output.parent} must exist, but it does not. Make it, or name another file.")
    if output.exists() and not force:
        raise UsageError(f"{output} is there already. Name another file, or write over it with --force.")
    found = find_study(study, storage)
    page = report_page(found)
    try:
        output.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}. Name another file.") from error
    running = "; it still runs" if found.record.alive else ""
    trials = len(found.record.trials)
    what = f"study {found.record.name}, {trials:,} {'trial' if trials == 1 else 'trials'}{running}"
    echo(f"Wrote {output}: {what}; {len(page.encode()) / 1e6:.1f} MB")

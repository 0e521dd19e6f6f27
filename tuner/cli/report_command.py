"""`tuner report STUDY`."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.browser import open_in_browser
from tuner.cli.echo import echo
from tuner.cli.options import (
    default_file,
    find_study,
    storage_option,
    study_argument,
    study_name,
    write_text,
)
from tuner.errors import UsageError
from tuner.output_files import check_output
from tuner.text import count

_SUFFIXES = (".html", ".htm")
_OPENING_S = 5.0


@click.command("report")
@study_argument
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Page to write.  [default: STUDY.html]",
)
@click.option("--open", "open_browser", is_flag=True, help="Open it in a browser.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@storage_option
def command(study: str, output: Path | None, open_browser: bool, force: bool, storage: str | None) -> None:
    """Write a report of STUDY: a single HTML page that opens in any browser, offline.

    It contains the answer, the best recipe as code, history, curves, importances, comparisons, failures, cost and
    versions.  STUDY is a name or a study file; it may still be running.
    """
    from tuner.report import report_page

    output = output or default_file(study_name(study)[0], ".html")
    if output.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"A report is an HTML page, but got {str(output)!r}. Use a name that ends in .html.")
    check_output(output, (), force)
    found = find_study(study, storage)
    page = report_page(found)
    write_text(output, page)
    running = "; it is still running" if found.record.alive else ""
    what = f"study {found.record.name}, {count(len(found.record.trials), 'trial')}{running}"
    echo(f"Wrote {output}: {what}; {len(page.encode()) / 1e6:.1f} MB")
    if open_browser:
        open_in_browser(output.absolute().as_uri(), wait_s=_OPENING_S)

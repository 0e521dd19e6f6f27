"""`tuner list`."""

from __future__ import annotations

import click

from tuner.cli.options import json_option, open_existing, print_json, storage_option


@click.command("list")
@storage_option
@json_option
def command(storage: str | None, as_json: bool) -> None:
    """List the studies of the database."""
    from tuner.results import studies_table

    rows = studies_table(open_existing(storage))
    if as_json:
        print_json(rows)
        return
    from rich.table import Table

    from tuner.cli.formats import number_text
    from tuner.cli.terminal import console

    if not rows:
        click.echo("The database holds no study yet.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("study", "metric", "best", "trials", ""):
        table.add_column(name, justify="right" if name in ("best", "trials") else "left", overflow="fold")
    for row in rows:
        counts = row["counts"]
        table.add_row(
            row["study"],
            row["metric"] or "",
            "" if row["best"] is None else number_text(row["best"]["value"]),
            str(sum(counts.values())),
            ", ".join(f"{count} {state}" for state, count in counts.items() if count),
        )
    console().print(table)

"""`tuner schema`."""

from __future__ import annotations

import click

from tuner.cli.options import print_json


@click.command("schema")
def command() -> None:
    """Print the JSON schema of study files, for editors that complete and check TOML."""
    from tuner.study import json_schema

    print_json(json_schema())

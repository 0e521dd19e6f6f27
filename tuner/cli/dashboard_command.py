"""`tuner dashboard`."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from tuner.cli.browser import open_in_browser
from tuner.cli.echo import echo
from tuner.cli.options import open_existing, storage_option

if TYPE_CHECKING:
    from tuner.dashboard import Dashboard


@click.command("dashboard")
@storage_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for the network.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Port; 0 for any free one."
)
@click.option("--allow-edit", is_flag=True, help="Let visitors change and delete studies.")
@click.option("--open", "open_browser", is_flag=True, help="Open it in a browser.")
def command(storage: str | None, host: str, port: int, allow_edit: bool, open_browser: bool) -> None:
    """Show the studies in a browser, live while they run.  Ctrl-C stops it.

    By default it is read-only, and only this machine can reach it.  On any other address, visitors need a token:
    TUNER_DASHBOARD_TOKEN, or one that is generated and printed.
    """
    import optuna

    from tuner.dashboard import open_dashboard, redirect_page
    from tuner.storage import announced_dashboard, hidden

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    database = open_existing(storage, write=allow_edit)
    dashboard = open_dashboard(database, host=host, port=port, allow_edit=allow_edit)
    _announce(dashboard, hidden(database.url))
    with ExitStack() as until_end:
        if open_browser:  # the command line of a browser is not secret
            open_in_browser(until_end.enter_context(redirect_page(dashboard.url)) if dashboard.token else dashboard.url)
        until_end.enter_context(announced_dashboard(database.url, dashboard.address.url))
        dashboard.serve()
    echo("Dashboard stopped.")


def _announce(dashboard: Dashboard, storage: str) -> None:
    echo(f"Dashboard of {storage}: {dashboard.url if dashboard.new_token else dashboard.address.url}")
    if dashboard.new_token:
        echo("Visitors need this address with its token, which is shown only once.")
    elif dashboard.token is not None:
        echo("Visitors need the token of TUNER_DASHBOARD_TOKEN: add ?token=… to the address once.")
    if not dashboard.address.loopback:
        echo("Others on the network can reach it, and can read the traffic: it is not encrypted.")
    echo("Studies can be changed and deleted." if dashboard.allow_edit else "Read-only; see --allow-edit.")
    echo("Ctrl-C stops it.")

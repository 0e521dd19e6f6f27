"""The `tuner` command: finds a subcommand by name and imports it only when it is called."""

from __future__ import annotations

import gc
import importlib
from typing import Any

import click

import tuner as package

COMMANDS = {
    "new": "Start a project: a folder with a study and a model.",
    "check": "Validate a study file and explain it; with --train, also try it.",
    "run": "Run a study, or resume it.",
    "list": "List the studies of a database.",
    "show": "Show how a study went, trial by trial.",
    "best": "Show the best configuration of a study.",
    "compare": "Compare the values of a dimension, or the importance of all dimensions.",
    "report": "Write a report of a study: a single HTML page.",
    "refine": "Write a narrower study around the best trials.",
    "train": "Retrain the leading recipes, choose one honestly, score it on the test part, save the model.",
    "predict": "Predict the rows of a table, of any size, with a saved model.",
    "export": "Write the best configuration as JSON, TOML or a Keras script; or a saved model for another runtime.",
    "stop": "Stop a study wherever it runs.",
    "rename": "Rename a study.",
    "rm": "Delete a study.",
    "dashboard": "Show the studies in a browser.",
    "schema": "Print the JSON schema of study files, for editors.",
}
"""Every command with its one-line help; the command itself is `command` in the module of its name."""


_READ_ONLY = frozenset({"list", "show", "best", "compare"})
"""Commands that are over in a second; of that the garbage collector, which scans every imported module, takes 13 %."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and help line; `--help` imports none of them."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        finally:
            gc.enable()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List all names, in the order in which users need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command with this name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"tuner.cli.{cmd_name}_command")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help lines of the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Find a command, or suggest the nearest name."""
        from tuner.errors import nearest

        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            near = nearest(args[0], COMMANDS)
            hint = f" Did you mean {near!r}?" if near else ""
            ctx.fail(f"There is no command {args[0]!r}.{hint} Commands: {', '.join(COMMANDS)}.")
        if args and args[0] in _READ_ONLY:
            gc.disable()
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package.__version__, prog_name="tuner")
def tuner() -> None:
    """Tune Keras models: loss, optimizer, learning rate, momentum, schedule, initializer and more.

    Start with `tuner run studies/digits.toml`, then `tuner best digits`.
    """

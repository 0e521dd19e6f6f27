"""`tuner show STUDY`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tuner.catalog import TrialState
from tuner.cli.options import find_study, json_option, print_json, storage_option, study_argument, trial_option
from tuner.errors import UsageError
from tuner.text import listed

if TYPE_CHECKING:
    from tuner.results import StoredStudy


@click.command("show")
@study_argument
@trial_option("Trial N alone, with its epochs.")
@click.option("--top", metavar="N", type=click.IntRange(min=1), help="Only the best N trials.")
@click.option("--last", metavar="N", type=click.IntRange(min=1), help="Only the last N trials.")
@click.option(
    "--state",
    type=click.Choice([state.value for state in TrialState]),
    help="Only trials in this state.",
)
@click.option(
    "--sort",
    type=click.Choice(["value", "number", "time"]),
    help="Order: the best first, by number, or the longest first.  [default: value; with --json: number]",
)
@storage_option
@json_option
def command(
    study: str,
    trial: int | None,
    top: int | None,
    last: int | None,
    state: str | None,
    sort: str | None,
    storage: str | None,
    as_json: bool,
) -> None:
    """Show how STUDY went, trial by trial: state, value, health, parameters, and the reason if one failed.

    With --trial, show one of them, epoch by epoch.  STUDY is a name or a study file.
    """
    from tuner.cli.render_trials import render_trials, sort_trials
    from tuner.results import summary

    filters = {"top": top, "last": last, "state": state, "sort": sort}
    if trial is not None and (given := [f"--{name}" for name, value in filters.items() if value is not None]):
        raise UsageError(
            f"--trial shows one trial, so {listed(given)} cannot be given with it. Leave out --trial or the rest."
        )
    found = find_study(study, storage)
    if trial is not None:
        _show_trial(found, trial, as_json)
        return
    content = summary(found)
    rows = [row for row in content["trials"] if state in (None, row["state"])][-(last or 0) :]
    best_first = sort_trials(rows, "value", content["direction"])[:top]
    content["trials"] = sort_trials(best_first, sort or ("number" if as_json else "value"), content["direction"])
    if as_json:
        print_json(content)
        return
    from tuner.analysis import importance, ties_text
    from tuner.cli.console import Text, console
    from tuner.cli.render_study import older_points_text
    from tuner.text import duration, listed_counts, named_counts, value_text

    out = console()
    counts = listed_counts(content["counts"]) or "no trials"
    out.print(f"Study {content['study']}: {content['direction']} {content['metric'] or 'the objective'}")
    out.print(f"{counts}; {duration(content['wall_s'])} in total.")
    if content["best"] is not None:
        out.print(f"Best: {value_text(content['best']['value'])} (trial {content['best']['trial']})", style="bold")
        if ties := ties_text(found):
            out.print(ties)
        out.print(Text(importance(found)["meaning"]))
    if content["health"]:
        out.print(f"Health: {named_counts(content['health'])}.")
    if content["over_limit"]["text"] is not None:
        out.print(content["over_limit"]["text"])
    if content["older_points"]:
        out.print(f"First trials: {older_points_text(content['older_points'])}.")
    render_trials(out, content["trials"], content["metric"])


def _show_trial(study: StoredStudy, number: int, as_json: bool) -> None:
    from tuner.results import read_trial

    trial = read_trial(study, number)
    if as_json:
        print_json(trial.to_json())
        return
    from tuner.cli.console import console
    from tuner.cli.render_trial import render_trial

    render_trial(console(), trial)

"""`tuner best STUDY`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tuner.cli.options import default_file, find_study, json_option, print_json, storage_option, study_argument

if TYPE_CHECKING:
    from tuner.results import StoredStudy

_COST_NAMES = {
    "weights": "number of weights",
    "multiply_adds": "number of multiply-adds",
    "predict_ms": "time to predict",
}


@click.command("best")
@study_argument
@click.option("--all", "everything", is_flag=True, help="The whole recipe, with what was fixed.")
@click.option(
    "--front",
    type=click.Choice(list(_COST_NAMES)),
    help="The best trials of each cost of the network: the Pareto front.",
)
@storage_option
@json_option
def command(study: str, everything: bool, front: str | None, storage: str | None, as_json: bool) -> None:
    """Show the best configuration of STUDY: the recipe of its best trial.

    STUDY is a name or a study file.
    """
    from tuner.results import best_trial

    found = find_study(study, storage)
    if front is not None:
        _show_front(found, front, as_json)
        return
    best = best_trial(found)
    if as_json:
        print_json(best.to_json())
        return
    from tuner.analysis import importance, ties_text
    from tuner.cli.console import Text, console
    from tuner.cli.render_study import params_table
    from tuner.text import python_text, size_text, spread_text, value_text

    out = console()
    out.print(f"Study {best.study}: {best.metric} {value_text(best.value)} (trial {best.trial})", style="bold")
    if len(best.training_values) > 1:
        out.print(f"Value: {spread_text(best.training_values)}")
    if ties := ties_text(found):
        out.print(ties)
    if best.health:
        out.print(f"Health: {best.health[0].verdict}, {best.health[0].text}")
    if best.weights is not None:
        out.print(f"Network: {size_text(best.weights, best.multiply_adds)}")
    for sentence in best.warnings:
        out.print(Text(sentence, "yellow"))
    recipe = best.recipe.settings(found.record.attrs.info.facts.classes)
    if everything:
        out.print("The whole recipe:")
        out.print(params_table(recipe))
    else:
        out.print("Found by the search:")
        out.print(params_table(best.params))
        out.print(f"Model: {recipe['model']}; --all shows the whole recipe, with what was fixed.", style="dim")
    out.print(Text(importance(found)["meaning"]))
    out.print(f"In Python: tuner.best({python_text(best.study)})", style="dim")
    out.print(f"A trained model: {_train(best.study)}", style="dim")


def _train(study: str, *options: str) -> str:
    from tuner.text import tuner_command

    return tuner_command("train", study, *options, "-o", default_file(study, ".keras").name)


def _show_front(study: StoredStudy, cost: str, as_json: bool) -> None:
    from tuner.analysis import find_pareto_front
    from tuner.catalog import written_value
    from tuner.cli.console import Text, console
    from tuner.cli.fitting_table import Column, print_table
    from tuner.text import value_text

    trials = find_pareto_front(study.record.trials, study.objective, cost)
    if as_json:
        about = {"study": study.record.name, "metric": study.metric, "direction": study.record.direction}
        print_json({**about, "cost": cost, "trials": trials})
        return
    out = console()
    if not trials:
        out.print(f"No complete trial of {study.record.name} has a known {_COST_NAMES[cost]}.")
        return
    shown = dict.fromkeys(name for row in trials for name in row["params"])
    timed = any(row["predict_ms"] is not None for row in trials)
    names = ["trial", study.metric or "value", "weights", "multiply-adds", *(["ms a row"] if timed else [])]
    columns = [Column(name, right=True) for name in names] + [Column(name, 1) for name in shown]
    cells = [
        [
            str(row["trial"]),
            value_text(row["value"]),
            "" if row["weights"] is None else f"{row['weights']:,}",
            "" if row["multiply_adds"] is None else f"{row['multiply_adds']:,}",
            *(["" if row["predict_ms"] is None else value_text(round(row["predict_ms"], 3))] if timed else []),
            *(value_text(written_value(name, row["params"][name])) if name in row["params"] else "" for name in shown),
        ]
        for row in trials
    ]
    print_table(out, columns, cells)
    train = _train(study.record.name, "--trial", "N")
    out.print(Text(f"A trained model of one of them: {train}", "dim"))

"""Render studies and trials on a terminal."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Container
from typing import Any

from rich.console import Console
from rich.table import Table

from tuner.cli.console import Text, console
from tuner.cli.fitting_table import Column, print_table
from tuner.results import failure_texts
from tuner.text import count, duration, listed_counts, tuner_command, value_text

_ENDED = {
    "trials": "all trials are done",
    "time": "the time limit is reached",
    "target": "the target is reached",
    "patience": "no improvement for as many trials as the patience allows",
    "exhausted": "every setting of the space has been tried",
    "interrupted": "interrupted; the same command resumes it",
}


def render_result(content: dict[str, Any], ended: str, told: Container[str] = ()) -> None:
    """Print the end of a run: why it ended, the best trial, the next commands.

    Args:
        content: Summary of the study.
        ended: Why the run ended.
        told: Warnings to leave out, as they were printed during the run.
    """
    out = console()
    counts = listed_counts(content["counts"])
    why = (content["settings"]["text"] if ended == "exhausted" else None) or _ENDED[ended]
    out.print(f"Study {content['study']}: {why}.")
    programs = content["programs"]
    traced = count(programs["traced"], "program")
    made = f", {traced} built in {duration(programs['seconds'])}" if programs["traced"] else ""
    out.print(f"{counts or 'no trials'}; {duration(content['wall_s'])} in total{made}.")
    slower = Counter(row["fallback_reason"] for row in content["trials"] if row["fallback_reason"] is not None)
    for reason, number in slower.most_common(1):
        by_fit = f"{count(number, 'trial was', 'trials were')} trained by model.fit, which is slower: {reason}."
        out.print(Text(by_fit, "yellow"))
    for sentence in content["warnings"]:
        if sentence not in told:
            out.print(Text(sentence, "yellow"))
    if content["best"] is not None:
        for sentence in failure_texts(content["trials"]):
            out.print(Text(sentence, "yellow"))
        if content["over_limit"]["text"] is not None:
            out.print(content["over_limit"]["text"])
        best = content["best"]
        out.print(Text(f"Best {content['metric']}: {value_text(best['value'])} (trial {best['trial']})", "bold"))
        out.print(params_table(best["params"]))
        name = content["study"]
        out.print(f"Next: {tuner_command('best', name)} | {tuner_command('show', name)} | tuner dashboard", style="dim")


def params_table(params: dict[str, Any]) -> Table:
    """Return a table of parameters, one per line."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in params.items():
        table.add_row(name, _param_text(name, value))
    return table


def render_studies(out: Console, rows: list[dict[str, Any]]) -> None:
    """Print studies, one per line; on a narrow terminal, one per paragraph."""
    columns = [
        Column("study"),
        Column("metric", 1),
        Column("best", right=True),
        Column("trials", right=True),
        Column("", 2),
    ]
    cells = [
        [
            row["study"],
            row["metric"] or "value",
            "none" if row["best"] is None else value_text(row["best"]["value"]),
            str(sum(row["counts"].values())),
            listed_counts(row["counts"]) or "no trials",
        ]
        for row in rows
    ]
    print_table(out, columns, cells)


def render_explanation(content: dict[str, Any], *, everything: bool = False) -> None:
    """Print a description of a study, from `tuner.study.explain`; of what is fixed, what differs from the defaults.

    Args:
        content: The description.
        everything: Whether to print what is fixed at its default, too.
    """
    out, data, objective = console(), content["data"], content["objective"]
    rows = ", ".join(f"{count} {part}" for part, count in data["rows"].items())
    shape = " × ".join(str(size) for size in data["input_shape"])
    options = ", ".join(f"{name} = {value_text(value)}" for name, value in objective["options"].items())
    metric = f"{objective['metric']} ({options})" if options else objective["metric"]
    out.print(f"Study {content['study']}: {objective['direction']} {metric} on validation data")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    folds = "" if data["folds"] is None else f"; {data['folds']} folds, of which the first is counted here"
    table.add_row("data", f"{data['source']}: {data['task']}, {shape} → {data['outputs']}; rows: {rows}{folds}")
    for note in data["notes"]:
        table.add_row("", note)
    table.add_row("model", content["model"])
    settings = content["settings"]
    table.add_row("space", "infinitely many settings" if settings is None else count(settings, "setting"))
    for dimension in content["space"]:
        when = " and ".join(f"{name} is {' or '.join(map(str, of))}" for name, of in dimension["when"].items())
        condition = Text(f"   when {when}", style="dim") if when else Text("")
        table.add_row("", Text(f"{dimension['name']}: {dimension['values']}").append_text(condition))
    fixed = _fixed(content, everything)
    if fixed:
        table.add_row("fixed", fixed)
    budget = {name: value for name, value in content["budget"].items() if value is not False}
    table.add_row("budget", ", ".join(f"{name} {value_text(value)}" for name, value in budget.items()))
    table.add_row("training", _training(content["training"]))
    table.add_row("search", f"sampler {_named(content['sampler'])}, pruner {_named(content['pruner'])}")
    first = _first_trials(content["initial_points"], content["budget"].get("trials"))
    if first:
        table.add_row("", first)
    if content["limits"]:
        from tuner.engines import limits_text

        table.add_row("limits", f"a network may have {limits_text(content['limits'])}")
    table.add_row("health", _health(content["health"]))
    table.add_row("engine", f"{content['engine']['name']}: {content['engine']['reason']}")
    if content["tried"] is not None:
        table.add_row(
            "tried", ", ".join(f"{name} = {_param_text(name, v)}" for name, v in content["tried"]["params"].items())
        )
        table.add_row("", _tried(content["tried"]))
        for found in content["tried"]["rates"]:
            table.add_row("", Text(rate_range_text(found), style="yellow" if found["missed"] else ""))
    out.print(table)
    for sentence in content["tried"]["warnings"] if content["tried"] is not None else []:
        out.print(Text(sentence, "yellow"))
    for sentence in content["advice"]:
        out.print(Text(f"advice: {sentence}", style="yellow"))


def _training(length: dict[str, Any]) -> str:
    """How long a training is, and what it gives."""
    auto = ", by rows and batch size" if length["auto"] else ""
    ends = (
        "" if length["patience"] is None else f"; ends after {count(length['patience'], 'epoch')} without improvement"
    )
    repeats = length["repeats"]
    seeds = "" if repeats == 1 else f"; each setting {repeats} times with different seeds, its value is the mean"
    return f"up to {count(length['epochs'], 'epoch')}{auto}{ends}; gives the model of the {length['keep']} epoch{seeds}"


def _fixed(content: dict[str, Any], everything: bool) -> str:
    """Describe what is not searched."""
    shown = {name: value for name, value in content["fixed"].items() if everything or name not in content["defaults"]}
    texts = [f"{name} = {value}" for name, value in shown.items()]
    rest = len(content["fixed"]) - len(shown)
    if rest:
        texts.append(f"{count(rest, 'other')} at the default{'s' if rest > 1 else ''} (--all)")
    return ", ".join(texts)


def _tried(tried: dict[str, Any]) -> str:
    """Describe the dry run of the first setting."""
    engine, fallback = tried["engine"], tried["fallback_reason"]
    if fallback:
        engine = f"{engine}, as {fallback.rstrip('.')}"
    if tried["over_limit"]:
        return f"not trained: {tried['reason']}"
    if tried["reason"]:
        return f"trained by {engine}, and ended: {tried['reason']}"
    once = duration(tried["setup_s"])
    text = f"trained by {engine}: {value_text(round(tried['epoch_s'], 4))} s per epoch, after {once} of setup"
    if tried["study_s"] is None:
        return text
    return f"{text}; all trials, without pruning: about {duration(tried['study_s'])}"


def rate_range_text(found: dict[str, Any]) -> str:
    """Describe the rates at which an optimizer learns, and whether the study searches them."""
    optimizer, low, high = found["optimizer"], found["low"], found["high"]
    if low is None:
        return f"{optimizer} learns at no rate of a short ramp"
    text = f"{optimizer} learns at rates from {value_text(low)} to {value_text(high)}, by a short ramp"
    if not found["missed"]:
        return text
    searched = dict.fromkeys((found["searched_low"], found["searched_high"]))
    return f"{text}; the study has {' to '.join(map(value_text, searched))}, which misses them: change it in [search]"


def older_points_text(points: list[dict[str, Any]]) -> str:
    """Describe settings of older studies: "5 settings of coarse, 2 settings of old.db:digits"."""
    counts = Counter(point["study"] for point in points)
    return ", ".join(f"{count(number, 'setting')} of {study}" for study, number in counts.items())


def _first_trials(points: dict[str, Any], most: int | None) -> str:
    """Describe the settings that the first trials get, of which there are at most so many; empty if there are none."""
    left = sys.maxsize if most is None else most
    own, older = points["own"][:left], points["older"][: max(0, left - len(points["own"]))]
    known = min(points["known"], left - len(own) - len(older))
    texts = [count(len(own), "setting") + " of the study file"] if own else []
    texts += [older_points_text(older)] if older else []
    texts += [count(known, "setting") + " known to do well"] if known else []
    first = "first trials" if len(own) + len(older) + known < left else "all trials of the budget"
    return f"{first}: {', '.join(texts)}" if texts else ""


def _health(options: dict[str, Any]) -> str:
    measured = "layers are measured" if options["measure"] else "layers are not measured"
    return f"{measured}; a trial ends if it is {' or '.join(options['stop'])}" if options["stop"] else measured


def _named(choice: dict[str, Any]) -> str:
    options = ", ".join(f"{name}={value}" for name, value in choice.items() if name != "name" and value is not None)
    return f"{choice['name']} ({options})" if options else str(choice["name"])


def _param_text(name: str, value: Any) -> str:
    """Format the value of a dimension as in a study file."""
    from tuner.catalog import written_value

    return value_text(written_value(name, value))

"""Setup of the study: objective, data, search space, budget."""

from __future__ import annotations

from typing import Any

from tuner.catalog import METRICS, written_values
from tuner.data import applicable_advice
from tuner.engines import limits_text
from tuner.report.html_components import facts, table
from tuner.report.study_view import StudyView
from tuner.search import DEFAULT_PRUNER, DEFAULT_SAMPLER
from tuner.storage import StoredFacts, hidden
from tuner.text import Html, count, element, listed, number

_CUT = 12


def asked(results: StudyView) -> Html:
    """Objective, data, budget and search as facts; the space as a table."""
    source, found = results.info.source, results.info.facts
    if not source:
        return element(
            "p",
            "This study was not made by keras-studies: its data, model and budget are not recorded. What its trials "
            "tried and reached is shown below.",
        )
    sampler, pruner = _named(source, "sampler", DEFAULT_SAMPLER), _named(source, "pruner", DEFAULT_PRUNER)
    rows = [
        (
            "Objective",
            f"{'maximize' if results.objective.maximize else 'minimize'} {results.metric} on validation data",
        ),
        ("Model", results.fingerprint.get("model", "–")),
        ("Data", _data(found, results.fingerprint.get("data.source"))),
        ("Rows", _rows(found, results.folds)),
        *([("Classes", _classes(found.classes))] if found.classes else []),
        *([("Limits", limits_text(results.limits))] if results.limits else []),
        ("Budget", _budget(source.get("budget", {}))),
        ("Search", f"sampler {sampler}, pruner {pruner}"),
        *([("First trials", first)] if (first := _first_trials(source.get("sampler", {}))) else []),
    ]
    metric = METRICS.get(results.metric)
    is_proportion = metric is not None and bool(metric.proportion)
    named = {*source.get("search", {}), *source.get("data", {})}
    advice = applicable_advice(found.advice, is_proportion=is_proportion, named=named)
    said = [*found.notes, *(f"Advice: data.{sentence}." for sentence in advice)]
    notes = [element("li", note) for note in said]
    return element("div", facts(rows), element("ul", notes, class_="notes") if notes else None, _space(results))


def _budget(budget: dict[str, Any]) -> str:
    counted = [
        f"{number(many)} {name if many != 1 else name[:-1]}"
        for name in ("trials", "epochs")
        if (many := budget.get(name))
    ]
    others = [f"{name} {number(value)}" for name, value in budget.items() if name not in ("trials", "epochs")]
    return ", ".join([*counted, *others]) or "–"


def _data(found: StoredFacts, source: Any) -> str:
    shape = " × ".join(map(str, found.input_shape)) or "?"
    return f"{source}: {found.task}, {shape} → {found.outputs}"


def _rows(found: StoredFacts, folds: int) -> str:
    rows = ", ".join(f"{number(many)} {part}" for part, many in found.rows.items())
    return rows if folds == 1 else f"{rows}; {folds} folds, of which the first is counted here"


def _classes(classes: list[str]) -> str:
    more = f" and {len(classes) - _CUT} more" if len(classes) > _CUT else ""
    return f"{len(classes)}: {', '.join(classes[:_CUT])}{more}"


def _first_trials(sampler: dict[str, Any]) -> str:
    """Say how the study was told to begin; empty if it was not."""
    own, older = sampler.get("initial_points"), sampler.get("from", ())
    texts = [count(len(own), "setting") + " of the study file"] if isinstance(own, list) else []
    texts += [f"the best settings of {listed([hidden(name) for name in older])}"] if older else []
    return ", then ".join(texts)


def _named(source: dict[str, Any], section: str, default: str) -> str:
    options = {key: value for key, value in source.get(section, {}).items() if not isinstance(value, list | tuple)}
    name = options.pop("name", default)
    return f"{name} ({listed([f'{key} {number(value)}' for key, value in options.items()])})" if options else str(name)


def _space(results: StudyView) -> Html:
    space = {key.removeprefix("search."): str(value) for key, value in results.fingerprint.items()
             if key.startswith("search.")}  # fmt: skip
    split = {name: text.partition(" where ")[::2] for name, text in space.items()}
    written = {name: written_values(name, values) for name, (values, _) in split.items()}
    searched = [name for name in results.dimensions if name in space] or [
        name for name, (values, _) in split.items() if _has_several(values)
    ]
    rows = [(element("code", name), written[name], split[name][1] or "always") for name in searched]
    fixed = [f"{name} = {values}" for name, values in written.items() if name not in searched]
    return element(
        "div",
        table("What was searched", ("dimension", "values", "counts when"), rows, stacked=True) if rows else None,
        element("p", "Fixed: ", ", ".join(fixed), ".", class_="note") if fixed else None,
    )


def _has_several(values: str) -> bool:
    """Tell whether a dimension has more than one value, from its text in the fingerprint: choices, or a range."""
    return " | " in values or " … " in values

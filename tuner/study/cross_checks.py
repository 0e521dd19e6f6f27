"""Rules between sections, and advice on what is allowed but unwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tuner.catalog import (
    LOSSES,
    SCHEDULES,
    Choice,
    MetricEntry,
    Task,
    TrainingLength,
    head_warning,
    initializer_advice,
    resolve_head,
)
from tuner.data import DataFacts, DataOptions, Folds, applicable_advice
from tuner.search import PRUNERS, SAMPLERS
from tuner.space import Space
from tuner.study.loop_checks import check_loops, loop_advice
from tuner.study.problems import Problems, listed
from tuner.study.saturated_metrics import linear_advice
from tuner.study.search.search_context import parameter_values
from tuner.study.study_file_sections import Budget
from tuner.study.study_spec import total_steps
from tuner.study.training_length import auto_patience
from tuner.text import count


@dataclass(frozen=True)
class ParsedSections:
    """The parsed sections of a study file; None for one that has problems.

    Attributes:
        space, task, data, facts, metric, budget, sampler, pruner, head: The sections.
        length: Length of a training.
        named: Dimensions that `[search]` names.
        engine: Row of the table of engines.
        pretrained: Whether the model has layers of a saved one.
    """

    space: Space | None
    task: Task | None
    data: DataOptions | None
    facts: DataFacts | None
    metric: MetricEntry | None
    budget: Budget
    length: TrainingLength | None
    sampler: Choice
    pruner: Choice
    head: str
    named: frozenset[str]
    engine: str
    pretrained: bool


def cross_check(sections: ParsedSections, problems: Problems) -> list[str]:
    """Note violated rules, and return the advice, one sentence each."""
    advice: list[str] = []
    _check_sampler(sections, problems, advice)
    _check_pruner(sections, problems, advice)
    if sections.space is not None:
        check_loops(sections.space, sections.engine, sections.named, problems)
        advice += loop_advice(sections.space, sections.budget)
        advice += _initializer_advice(sections)
        advice += _head_advice(sections)
        advice += _schedule_advice(sections)
    advice += _metric_advice(sections)
    if sections.facts is not None:
        is_proportion = sections.metric is None or bool(sections.metric.proportion)
        named = sections.named | (sections.data.model_fields_set if sections.data is not None else set())
        said = applicable_advice(sections.facts.advice, is_proportion=is_proportion, named=named)
        advice += [f"data.{sentence}" for sentence in said]
    return advice


def _check_sampler(sections: ParsedSections, problems: Problems, advice: list[str]) -> None:
    if sections.space is None:
        return
    row, trials = SAMPLERS[sections.sampler.name], sections.budget.trials
    reason = row.incompatible_because(sections.space, trials)
    if reason is not None:
        usual = ", ".join(name for name in SAMPLERS if name != row.name)
        problems.add(
            "sampler.name",
            reason,
            row.name,
            allowed=usual,
            next_step="Change the space in [search], or use another sampler.",
        )
        return
    hint = row.advice(sections.space, trials)
    if hint is not None:
        advice.append(f"sampler.name: {hint}")


def _check_pruner(sections: ParsedSections, problems: Problems, advice: list[str]) -> None:
    if sections.data is None or sections.length is None:
        return
    row, options = PRUNERS[sections.pruner.name], sections.pruner.options
    steps, what = total_steps(sections.data, sections.length.epochs, sections.budget.repeats)
    folds = isinstance(sections.data.validation, Folds)
    reason = row.incompatible_because(steps if folds else None, **options)
    if reason is not None:
        problems.add(
            "pruner.name",
            reason,
            row.name,
            allowed=", ".join(name for name in PRUNERS if name != row.name),
            next_step="Change the options of the pruner, or use another one.",
        )
        return
    more = {
        "epochs": "Train for longer (budget.epochs)",
        "folds": "Use more folds (data.validation)",
        "trainings": "Repeat more often (budget.repeats)",
    }[what]
    if row.ends_trials and not row.rungs(steps, **options):
        never = next(name for name, other in PRUNERS.items() if not other.ends_trials)
        advice.append(
            f"pruner.name: {row.name} never decides within {count(steps, what[:-1])}, so no trial is pruned. "
            f'{more}, or write name = "{never}"'
        )


def _chosen(space: Space, name: str) -> tuple[str, ...]:
    return tuple(str(value) for value in parameter_values(space[name].parameter)) if name in space else ()


def _initializer_advice(sections: ParsedSections) -> Iterator[str]:
    """Yield advice on initializers and activations that the study names; if any pair suits, the search will find it."""
    space = sections.space
    if space is None or sections.pretrained or not {"initializer", "activation"} & sections.named:
        return
    initializers, activations = _chosen(space, "initializer"), _chosen(space, "activation")
    for activation in activations:
        reasons = [initializer_advice(initializer, activation) for initializer in initializers]
        if reasons and all(reasons):
            yield f"search.initializer: {reasons[0]}"


def _head_advice(sections: ParsedSections) -> Iterator[str]:
    space, task = sections.space, sections.task
    if space is None or task is None:
        return
    for loss in _chosen(space, "loss"):
        if task not in LOSSES[loss].heads:
            continue
        head = resolve_head(loss, task, sections.head)
        warning = head_warning(loss, task, head)
        if warning is not None:
            key = "search.loss" if sections.head == "auto" else "head"
            yield f"{key}: {loss} with the output activation {head} is known to train badly: {warning}"


def _schedule_advice(sections: ParsedSections) -> Iterator[str]:
    """Advice for schedules that early stopping cuts off; the default patience was measured with all of them."""
    space, length = sections.space, sections.length
    if space is None or length is None or length.patience is None:
        return
    rows = [SCHEDULES[name] for name in _chosen(space, "schedule")]
    falling = [row.name for row in rows if not (row.constant or row.stateful)]
    if falling and length.patience < auto_patience(length.epochs):
        verb = "lower" if len(falling) > 1 else "lowers"
        yield (
            f"budget.stop: {listed(falling)} {verb} the learning rate over all {count(length.epochs, 'epoch')}, and a "
            f"training that ends after {count(length.patience, 'epoch')} without improvement never reaches the low "
            f"rates. Use a patience of {auto_patience(length.epochs)} or more, or write stop = false"
        )
    for row in rows:
        option = f"schedule.{row.name}.patience"
        values = parameter_values(space[option].parameter) if option in space else (row.defaults().get("patience"),)
        waits = max((value for value in values if isinstance(value, int)), default=0)
        if row.stateful and length.patience <= waits:
            yield (
                f"budget.stop: {row.name} lowers the learning rate after up to {count(waits, 'epoch')} without "
                f"improvement, and a training ends after {length.patience} of them. Use a longer patience"
            )


def _metric_advice(sections: ParsedSections) -> Iterator[str]:
    metric, facts = sections.metric, sections.facts
    if metric is not None and facts is not None and metric.relative and facts.zero_targets:
        yield (
            f"objective.metric: {metric.name} divides by the target, which is 0 in {facts.zero_targets} of "
            f"{facts.rows['validation']} validation rows: these dominate it. Use an error in the unit of the target"
        )
    if metric is not None and facts is not None and sections.data is not None:
        perfect = linear_advice(metric, facts, sections.data)
        if perfect is not None:
            yield perfect

"""`[objective]`: the metric to optimize, which is never a loss."""

from __future__ import annotations

import re
from typing import Any

from tuner.catalog import METRICS, MetricEntry, Task, find_metric
from tuner.errors import UnknownNameError, nearest
from tuner.study.problems import Problems, listed
from tuner.study.study_file_sections import Budget, ObjectiveSection
from tuner.user_code import is_reference

_LOSS = re.compile(r"(?:(?:val|valid|validation|train|training|test)[_ -]?)?loss", re.IGNORECASE)
_PART = re.compile(r"(?:val|valid|validation)[_ -](.+)", re.IGNORECASE)
_WHY_NO_LOSS = (
    "a loss cannot be the objective: losses of different trials cannot be compared when the loss, its options, "
    "label smoothing, penalties or class weights are searched, and the trial with the smallest number would win, not "
    "the best model"
)
_WHY_NO_DIRECTION = "the direction follows from the metric: accuracy is maximized, an error is minimized"


def find_objective(section: ObjectiveSection, task: Task | None, problems: Problems) -> MetricEntry | None:
    """Return the metric of the section, or the default of the task; without either note a problem and return None."""
    name = section.metric
    if section.said and not is_reference(name):
        for key, value in section.said.items():
            problems.add(
                f"objective.{key}",
                _WHY_NO_DIRECTION if key == "direction" else "a built-in metric sets this itself",
                value,
                allowed="only with a user-defined metric, as in costs.py:money",
                next_step="Remove it.",
            )
    if name is None:
        return next((row for row in METRICS.values() if task in row.default_for), None)
    return _metric(name, task, problems)


def _metric(name: Any, task: Task | None, problems: Problems) -> MetricEntry | None:
    if isinstance(name, str) and _LOSS.fullmatch(name.strip()):
        instead = "mean_squared_error" if task is Task.REGRESSION else "log_loss"
        problems.add(
            "objective.metric",
            _WHY_NO_LOSS,
            name,
            allowed=listed(_names(task)),
            next_step=f'Write metric = "{instead}": it is measured in the same way for every trial.',
        )
        return None
    try:
        row = find_metric(name)
    except (UnknownNameError, TypeError):
        _refuse_unknown(name, task, problems)
        return None
    if task is not None and task not in row.tasks:
        problems.add(
            "objective.metric",
            f"this metric is not defined for the task of the data, {task}",
            name,
            allowed=listed(_names(task)),
            next_step="Use one of these, or correct the task in [data].",
        )
        return None
    return row


def _refuse_unknown(name: Any, task: Task | None, problems: Problems) -> None:
    part = _PART.fullmatch(name) if isinstance(name, str) else None
    known = _names(task)
    near = nearest(part.group(1) if part else name, [*known, *(a for row in METRICS.values() for a in row.alias)])
    problems.add(
        "objective.metric",
        "there is no metric with this name" + ("; every metric is measured on the validation part" if part else ""),
        name,
        allowed=listed(known),
        near=near,
        next_step=f'Write metric = "{near}".' if near else "Write one of the allowed names.",
    )


def _names(task: Task | None) -> list[str]:
    return [row.name for row in METRICS.values() if task is None or task in row.tasks]


def check_target(metric: MetricEntry, budget: Budget, problems: Problems) -> None:
    """Note a target that no model can reach."""
    target = budget.target
    if target is None:
        return
    if metric.objective.better(target, metric.best):
        problems.add(
            "budget.target",
            f"no model can reach this: the best possible {metric.name} is {metric.best:g}",
            target,
            allowed=f"at {'most' if metric.objective.maximize else 'least'} {metric.best:g}",
            next_step="Correct the target, or the metric in [objective].",
        )

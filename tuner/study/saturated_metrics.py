"""Scores of classes that cannot be beaten: trials that all reach one cannot be ranked."""

from __future__ import annotations

from tuner.catalog import METRICS, MetricEntry, Task
from tuner.data import DataFacts, DataOptions, Folds
from tuner.text import count

_FINER = "log_loss"


def linear_advice(metric: MetricEntry, facts: DataFacts, options: DataOptions) -> str | None:
    """Advise another objective if a linear discriminant has every validation row right, else return None.

    In studies of 24 trials on iris, wine, penguins and crabs for which that was so, 11 to 20 trials tied at 1.
    """
    if not facts.linearly_separable or not _ends_at_best(metric, facts.task):
        return None
    rows = facts.rows["validation"] + (facts.rows["train"] if isinstance(options.validation, Folds) else 0)
    return f"objective.metric: {_advice(f'a linear model has all {rows:,} validation rows right', metric)}"


def trained_advice(metric: str, task: Task, value: float | None, epochs: int) -> str | None:
    """Advise another objective if a first training has reached the best possible value, else return None.

    Args:
        metric: Name of the objective.
        task: Of the study.
        value: What the training reached.
        epochs: How many it took.
    """
    row = METRICS.get(metric)
    if row is None or not _ends_at_best(row, task) or value != row.best:
        return None
    reached = f"After {count(epochs, 'epoch')} the first setting has {metric} {value:g}"
    return f"{_advice(reached, row)}."


def _ends_at_best(metric: MetricEntry, task: Task) -> bool:
    """Return whether a metric of classes is at its best as soon as every answer is right, however sure it is."""
    return task.classifies and METRICS.is_built_in(metric.name) and metric.direction == "maximize"


def _advice(reason: str, metric: MetricEntry) -> str:
    return (
        f"{reason}, so many trials will tie at {metric.best:g} and cannot be ranked. "
        f'metric = "{_FINER}" also takes into account how confident the predictions are, and tells them apart'
    )

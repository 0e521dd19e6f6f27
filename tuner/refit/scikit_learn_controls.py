"""Models of scikit-learn on the same rows as the networks: what a network must be better than to be worth its trouble.

They get the rows as the networks do, encoded, imputed and scaled, with sample and class weights, and scikit-learn's
own defaults.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuner.catalog import Recipe, Task, TrialState, find_metric
from tuner.data import DataFacts, PreparedData, Split, Subset
from tuner.engines import TrainingResult, median_times_ms
from tuner.protocol import ModelCost, TrainingArtifacts
from tuner.refit.score_uncertainty import validation_measure

MOST_VALUES = 100_000_000
"""Training rows of all splits, times columns, times outputs: about the most that boosting does in ten minutes."""


@dataclass(frozen=True)
class Control:
    """A model that is not a network.

    Attributes:
        name: Row of the table.
        text: For people.
        make: Makes an estimator for a task and an objective.
        size: Counts the fitted numbers of an estimator.
    """

    name: str
    text: str
    make: Callable[[Task, str], Any]
    size: Callable[[Any], int]


def _linear(task: Task, metric: str) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000) if task.classifies else Ridge())


def _linear_size(fitted: Any) -> int:
    return int(fitted[-1].coef_.size + np.size(fitted[-1].intercept_))


def _boosting(task: Task, metric: str) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    if task.classifies:
        return HistGradientBoostingClassifier(random_state=0)
    loss = "absolute_error" if find_metric(metric).absolute else "squared_error"
    return HistGradientBoostingRegressor(loss=loss, random_state=0)


def _boosting_size(fitted: Any) -> int:
    return sum(len(tree.nodes) for stage in fitted._predictors for tree in stage)


CONTROLS: Mapping[str, Control] = {
    one.name: one
    for one in (
        Control("linear", "linear model", _linear, _linear_size),
        Control("boosting", "gradient boosting", _boosting, _boosting_size),
    )
}
"""The linear model is LogisticRegression or Ridge, boosting HistGradientBoosting."""


def training_values(facts: DataFacts, prepared: PreparedData) -> int:
    """Count what a control is trained on; see `MOST_VALUES`."""
    rows = sum(len(split.train) for split in prepared.splits)
    return rows * math.prod(facts.input_shape) * (1 if facts.task is Task.BINARY else facts.outputs)


def train_control(name: str, recipe: Recipe, prepared: PreparedData, kept: TrainingArtifacts) -> TrainingResult:
    """Train a control on each split; its answers to the validation rows are kept, and what it costs.

    Args:
        name: Row of the table of controls.
        recipe: Its task, objective and class weights count.
        prepared: The data as the search had them.
        kept: Where the answers are kept: scores, or values in the unit of the target.
    """
    from threadpoolctl import threadpool_limits

    control, answers, size, predict = CONTROLS[name], [], 0, None
    # One thread, as other workers train at the same time: threads that wait for each other took fifty times as long.
    with warnings.catch_warnings(), threadpool_limits(limits=1):
        warnings.simplefilter("ignore")  # that it has not converged shows in its score
        for split in prepared.splits:
            predict, size = _fit(control, recipe, split)
            answers.append(predict(_flat(split.validation)))
        assert predict is not None
        times = median_times_ms(predict, _flat(prepared.splits[-1].validation))
    kept.keep(answers, cost=ModelCost(size, *times))
    return TrainingResult(TrialState.COMPLETE, validation_measure(prepared, recipe).score(answers))


def _fit(control: Control, recipe: Recipe, split: Split) -> tuple[Callable[[np.ndarray], np.ndarray], int]:
    """Train on one split: a function from rows `(n, d)` to answers `(n, k)`, and the size of the model."""
    x, y, weight = _flat(split.train), split.train.y, _weights(split.train, recipe)
    if recipe.task is Task.MULTICLASS:
        fitted = [_fitted(control, recipe, x, y.argmax(axis=1), weight)]
    else:
        fitted = [_fitted(control, recipe, x, column, weight) for column in y.T]
    size = sum(0 if isinstance(one, float) else control.size(one) for one in fitted)

    def predict(rows: np.ndarray) -> np.ndarray:
        if recipe.task is Task.MULTICLASS:
            found = np.zeros((len(rows), y.shape[1]))
            found[:, fitted[0].classes_.astype(int)] = fitted[0].predict_proba(rows)
            return found
        columns = [_column(one, rows, recipe.task) for one in fitted]
        together = np.stack(columns, axis=1)
        return together if recipe.task.classifies else split.unscale(together)

    return predict, size


def _fitted(control: Control, recipe: Recipe, x: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> Any:
    """Return an estimator, or the target if all rows have the same."""
    if (y == y[0]).all():
        return float(y[0])
    estimator = control.make(recipe.task, recipe.metric)
    if weight is None:
        return estimator.fit(x, y)
    last = estimator.steps[-1][0] if hasattr(estimator, "steps") else None
    return estimator.fit(x, y, **{"sample_weight" if last is None else f"{last}__sample_weight": weight})


def _column(fitted: Any, rows: np.ndarray, task: Task) -> np.ndarray:
    if isinstance(fitted, float):
        return np.full(len(rows), fitted)
    return np.asarray(fitted.predict_proba(rows)[:, 1] if task.classifies else fitted.predict(rows), np.float64)


def _flat(part: Subset) -> np.ndarray:
    return np.asarray(part.x.reshape(len(part), -1))


def _weights(part: Subset, recipe: Recipe) -> np.ndarray | None:
    """Return the sample weights times the class weights, or None without any."""
    if recipe.class_weight is None:
        return part.weight
    classes = part.y.argmax(axis=1) if recipe.task is Task.MULTICLASS else part.y[:, 0].astype(int)
    given = np.array([recipe.class_weight.get(int(k), 1.0) for k in classes], np.float32)
    return given if part.weight is None else given * part.weight

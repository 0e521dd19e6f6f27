"""The best trial of a study with its recipe."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tuner.catalog import BuildableRecipe
from tuner.errors import NoBestTrialError
from tuner.health import Finding
from tuner.results.setting_rows import setting_rows, setting_text
from tuner.results.stored_recipes import selected_recipe
from tuner.results.stored_study import StoredStudy
from tuner.results.study_json import network_cost_row
from tuner.search import find_best, searched_params
from tuner.storage import trial_attributes
from tuner.text import element, listed_counts, one_line, plain_table, value_text


@dataclass(frozen=True)
class Best:
    """The best trial.

    Attributes:
        study: Name of the study.
        trial: Number of the trial.
        value: Its objective.
        training_values: Its objective in each of its trainings, on folds or with repeats; empty if there was one.
        metric: Name of the objective.
        params: The parameters that were searched, as plain JSON.
        recipe: Everything that one training needs; it ends with the epoch that gave the trial's model.
        warnings: Known weaknesses of the model file, one sentence each.
        health: Findings about the health of its training, the verdict first; empty if it was not measured.
        weights: Number of weights of its network; like the following None in studies of older versions.
        trainable_weights: Those that were trained.
        multiply_adds: That answer one row; None also if the model is not a graph of layers.
        bytes: Of the weights, as float32.
        predict_ms: Median time to answer one row; None if it was not measured.
        predict_256_ms: The same for 256 rows in one call.
    """

    study: str
    trial: int
    value: float
    training_values: list[float]
    metric: str | None
    params: dict[str, Any]
    recipe: BuildableRecipe
    health: list[Finding]
    warnings: list[str]
    weights: int | None = None
    trainable_weights: int | None = None
    multiply_adds: int | None = None
    bytes: int | None = None
    predict_ms: float | None = None
    predict_256_ms: float | None = None

    def __repr__(self) -> str:
        return one_line(f"<Best of study {self.study}: {self._score_text()}: {setting_text(self.params)}>")

    def _repr_html_(self) -> str:
        head = element("p", element("strong", f"Study {self.study}"), f": {self._score_text()}.")
        return element("div", head, plain_table("Found by the search", setting_rows(self.params)))

    def _score_text(self) -> str:
        return f"{self.metric or 'objective'} {value_text(self.value)} (trial {self.trial})"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON: the shape of `tuner best --json`."""
        return {
            **vars(self),
            "recipe": self.recipe.to_json(),
            "health": [finding.to_json() for finding in self.health],
        }


def best_trial(study: StoredStudy) -> Best:
    """Return the best complete trial.

    Raises:
        NoBestTrialError: No trial is complete yet, or keras-studies did not make the study.
        RecipeError: Its recipe is not of the study's search space.
    """
    record = study.record
    trial = find_best(record.trials, study.objective)
    if trial is None:
        counts = Counter(str(study.trial_state(trial)[0]) for trial in record.trials)
        raise NoBestTrialError(
            f"A best configuration needs a complete trial, but the study {record.name!r} has none yet "
            f"({listed_counts(counts) or 'no trials'}). {study.next_step}"
        )
    return Best(
        record.name,
        trial.number,
        float(trial.value or 0.0),
        trial_attributes(trial).training_values,
        study.metric,
        searched_params(trial),
        selected_recipe(study, trial),
        study.trial_health(trial),
        study.record.attrs.warnings,
        **network_cost_row(trial_attributes(trial)),
    )

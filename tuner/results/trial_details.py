"""One trial of a study, with its recipe and its epochs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tuner.catalog import BuildableRecipe, TrialState
from tuner.engines import EpochRecord
from tuner.errors import NoBestTrialError
from tuner.results.data_frames import records_frame
from tuner.results.setting_rows import setting_rows, setting_text
from tuner.results.stored_recipes import selected_recipe
from tuner.results.stored_study import StoredStudy
from tuner.results.study_json import trial_row
from tuner.storage import read_epochs
from tuner.text import element, one_line, plain_table, value_text

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class TrialDetails:
    """A trial of a study.

    Attributes:
        study: Name of the study.
        metric: Name of the objective; None for a study that plain Optuna made.
        direction: "maximize" or "minimize".
        row: The trial as in `trials` of `tuner show --json`: what it cost, its health, its engine.
        records: Its epochs, by fold.
    """

    study: str
    metric: str | None
    direction: str
    row: dict[str, Any] = field(repr=False)
    records: tuple[EpochRecord, ...] = field(repr=False)
    _recipe: BuildableRecipe | None = field(repr=False)

    def __repr__(self) -> str:
        return one_line(f"<Trial {self.number} of study {self.study}: {self.score_text}: {setting_text(self.params)}>")

    def _repr_html_(self) -> str:
        head = element("p", element("strong", f"Trial {self.number} of study {self.study}"), f": {self.score_text}.")
        return element("div", head, plain_table("Found by the search", setting_rows(self.params)))

    @property
    def score_text(self) -> str:
        """State and value, as in "complete, accuracy 0.97"."""
        value = "" if self.value is None else f", {self.metric or 'objective'} {value_text(self.value)}"
        return f"{self.state}{value}"

    @property
    def number(self) -> int:
        """Its number, from 0."""
        return int(self.row["number"])

    @property
    def state(self) -> TrialState:
        """Whether it is complete, pruned, diverged, failed, running or waiting."""
        return TrialState(self.row["state"])

    @property
    def reason(self) -> str | None:
        """Why it was not completed."""
        reason: str | None = self.row["reason"]
        return reason

    @property
    def value(self) -> float | None:
        """The objective; of a pruned trial the last report; None in other states."""
        value: float | None = self.row["value"]
        return value

    @property
    def params(self) -> dict[str, Any]:
        """The parameters that were searched, as plain JSON."""
        return dict(self.row["params"])

    @property
    def has_recipe(self) -> bool:
        """Whether it has a recipe, as it has begun and keras-studies made the study."""
        return self._recipe is not None

    @property
    def recipe(self) -> BuildableRecipe:
        """Everything that one training needs; of a complete trial it ends with the epoch that gave its model.

        Raises:
            NoBestTrialError: It has none: it has not begun yet, or keras-studies did not make the study.
        """
        if self._recipe is None:
            why = "it has not begun yet" if self.state == TrialState.WAITING else "keras-studies did not make its study"
            raise NoBestTrialError(f"Trial {self.number} of {self.study!r} has no recipe: {why}.")
        return self._recipe

    @property
    def epochs(self) -> DataFrame:
        """Table of its epochs, with losses, objective, learning rate and seconds."""
        return records_frame(self.records)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON: the shape of `tuner show --trial --json`."""
        return {
            "study": self.study,
            "metric": self.metric,
            "direction": self.direction,
            "trial": self.row,
            "recipe": None if self._recipe is None else self._recipe.to_json(),
            "epochs": [{name: value for name, value in vars(one).items() if name != "probes"} for one in self.records],
        }


def read_trial(study: StoredStudy, number: int) -> TrialDetails:
    """Read a trial with its recipe and epochs.

    Raises:
        UsageError: There is no trial of this number, or it is not a whole number.
        RecipeError: Its recipe is not of the study's search space.
    """
    trial = study.trial(number)
    try:
        recipe = selected_recipe(study, trial)
    except NoBestTrialError:
        recipe = None
    records = read_epochs(study.database, [trial.trial_id]).get(trial.trial_id, ())
    row = trial_row(study, trial)
    return TrialDetails(study.record.name, study.metric, study.record.direction, row, tuple(records), recipe)

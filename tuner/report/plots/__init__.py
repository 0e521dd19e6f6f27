"""Pictures of a study: each a pure function from what was gathered to a Plotly figure.

A plot that has nothing to show is one sentence that says why, instead of a figure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from plotly.graph_objects import Figure

from tuner.report.plots.curves import has_schedules, learning_curves, rate_curves
from tuner.report.plots.epochs_by_outcome import epochs_spent
from tuner.report.plots.health_heatmaps import layers_by_epoch, trials_by_epoch
from tuner.report.plots.history import history
from tuner.report.plots.importance_bars import importances
from tuner.report.plots.objective_by_cost import costs_differ, objective_by_cost
from tuner.report.plots.parallel_coordinates import parallel
from tuner.report.plots.slice import values
from tuner.report.study_view import StudyView

__all__ = ["PLOTS", "Plot"]


@dataclass(frozen=True)
class Plot:
    """A row of the table of plots.

    Attributes:
        title: Its heading.
        says: What it shows and how to read it, in one or two sentences.
        build: Draws it.
        tells: Whether it says anything about a study; else the report leaves it out.
    """

    title: str
    says: str
    build: Callable[[StudyView], Figure | str]
    tells: Callable[[StudyView], bool] = lambda results: True


PLOTS: dict[str, Plot] = {
    "history": Plot(
        "Optimization history",
        "Each point is a trial; the line is the best complete one so far. Marks at the edge are trials that are out of "
        "range, or that have no value because they diverged or failed.",
        history,
    ),
    "learning_curves": Plot(
        "Learning curves",
        "The objective on validation data after each epoch, one line per trial, the mean if it has several trainings. "
        "Pick a dimension to color by. Triangles mark where curves end that are out of range.",
        learning_curves,
    ),
    "rate_curves": Plot(
        "Learning-rate curves",
        "The learning rate of each trial in each epoch: base rate and schedule combined.",
        rate_curves,
        has_schedules,
    ),
    "importances": Plot(
        "Importance of each dimension",
        "How much of the differences in value between settings each dimension explains by itself, with its 90 % "
        "interval. Gray bars may be chance.",
        importances,
    ),
    "values": Plot(
        "Objective by value",
        "Each point is a trial, at its value of the chosen dimension. Triangles mark trials that are out of range.",
        values,
    ),
    "cost": Plot(
        "Objective and cost",
        "Each point is a complete trial. The line is the Pareto front: the best value of any network up to each cost. "
        "Choose which cost to show.",
        objective_by_cost,
        costs_differ,
    ),
    "parallel": Plot(
        "Parallel coordinates",
        "One line per complete trial, through the objective and the dimensions that mattered most, at most six. Choose "
        "how many of the best to color; “–” marks trials in which a dimension was not used.",
        parallel,
    ),
    "trials_by_epoch": Plot(
        "Health of every trial",
        "One line per trial, one column per epoch at which its layers were measured; 0 is the initial weights. Pick "
        "a quantity: each cell is its largest value over all layers and folds. Hover to see it, and the verdict.",
        trials_by_epoch,
    ),
    "layers_by_epoch": Plot(
        "Health of the layers of one trial",
        "Layers from the input (top) to the output. Pick a trial and a quantity: the best trial, and the first one "
        "with each verdict, can be chosen.",
        layers_by_epoch,
    ),
    "epochs_spent": Plot(
        "Epochs spent and saved",
        "How trials ended, the epochs they trained, and the epochs saved by ending them early.",
        epochs_spent,
    ),
}
"""Name → plot, in the order in which they are shown."""

"""MLflow: an experiment for the study, a run for each trial, with its parameters and curves."""

from __future__ import annotations

import logging
import math
from pathlib import Path

from tuner.catalog import TrialState
from tuner.trackers.base import FinishedTrial, TrackerEntry

MAX_METRICS_PER_REQUEST = 1000
"""Limit of MLflow's REST API (https://mlflow.org/docs/latest/rest-api.html)."""
_STATUSES = {TrialState.COMPLETE: "FINISHED", TrialState.PRUNED: "KILLED"}
"""MLflow's word for how a run ended; all other trials have failed."""


class Mlflow:
    """Writes the trials of a study to a tracking server, or to a database.

    Args:
        target: The tracking URI.
        study: Name of the study, and of the experiment.
        project: The project.
    """

    def __init__(self, target: str, study: str, project: Path) -> None:
        from mlflow.tracking import MlflowClient

        logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells of each table that it creates
        self._client = MlflowClient(_absolute(target, project))
        experiment = self._client.get_experiment_by_name(study)
        self._experiment = experiment.experiment_id if experiment else self._client.create_experiment(study)

    def log_trial(self, trial: FinishedTrial) -> None:
        """Write one run."""
        from mlflow.entities import Metric, Param

        began, ended = _milliseconds(trial.began_at), _milliseconds(trial.ended_at)
        tags = {"trial": str(trial.number), "state": trial.state.value}
        if trial.reason is not None:
            tags["reason"] = trial.reason
        run = self._client.create_run(self._experiment, start_time=began, tags=tags, run_name=trial.name).info.run_id
        self._client.log_batch(run, params=[Param(name, str(value)) for name, value in trial.scalar_params().items()])
        metrics = [
            Metric(name, value, _milliseconds(ended_at), epoch)
            for name, value, epoch, ended_at in trial.measurements()
            if math.isfinite(value)
        ]
        if trial.value is not None:
            metrics.append(Metric("objective", trial.value, ended, 0))
        for first in range(0, len(metrics), MAX_METRICS_PER_REQUEST):
            self._client.log_batch(run, metrics=metrics[first : first + MAX_METRICS_PER_REQUEST])
        self._client.set_terminated(run, _STATUSES.get(trial.state, "FAILED"), ended)


def _milliseconds(unix_s: float) -> int:
    return int(unix_s * 1000)


def _absolute(uri: str, project: Path) -> str:
    """Return a URI with the path of a SQLite file taken from the project, as all paths of a study file are."""
    scheme = "sqlite:///"
    return f"{scheme}{project / uri.removeprefix(scheme)}" if uri.startswith(scheme) else uri


MLFLOW = TrackerEntry(
    "mlflow", 'tracking URI of MLflow, as in "sqlite:///runs/mlflow.db" or "http://127.0.0.1:5000"', "mlflow", Mlflow
)

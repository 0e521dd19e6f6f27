"""Refuse to mix the trials of two questions in one study."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.study import Study
from optuna.trial import TrialState as OptunaState

from tuner.catalog import TrialState
from tuner.errors import StudyChangedError
from tuner.search import Outcome, tell
from tuner.storage import FINGERPRINT, SETTINGS, STUDY_INFO, StudySession, hidden
from tuner.study import StudySpec, difference, fingerprint, resume_study


def check_fingerprint(spec: StudySpec, session: StudySession, study: Study) -> StudySpec:
    """Compare the stored fingerprint with the study file's, and store that of a new study.

    Args:
        spec: The study.
        session: Its session.
        study: Its trials in memory; must be up to date.

    Returns:
        The study to resume: a length of trainings that its file leaves open stays as it was.

    Raises:
        StudyChangedError: They differ, and there are trials of the old setup, or the direction differs.
    """
    before = study.user_attrs.get(FINGERPRINT)
    spec = spec if before is None else resume_study(spec, before)
    now = fingerprint(spec)
    trials = study.get_trials(deepcopy=False)
    if before is None and trials:
        raise StudyChangedError(
            f"A study {spec.name!r} is in the database, but was not made by keras-studies. "
            f"Run {spec.file} under another name: --fork NEW_NAME."
        )
    changed = [] if before is None else difference(before, now)
    if changed and any(trial.state.name in ("COMPLETE", "PRUNED", "RUNNING") for trial in trials):
        lines = "\n".join(f"  {line}" for line in changed)
        raise StudyChangedError(
            f"All trials of a study must have the same setup, but that of {spec.file} has changed since {spec.name!r} "
            f"was started:\n{lines}\nRun it under another name with --fork NEW_NAME, start over with "
            "--restart, which keeps these trials under another name, or undo the change. "
            "Budgets (other than epochs, keep, stop and repeats), sampler and pruner may change freely."
        )
    directions = ", ".join(direction.name.lower() for direction in study.directions)
    if directions != spec.direction:  # it was made elsewhere, or nothing was learnt yet
        raise StudyChangedError(
            f"A study keeps the direction that it was made with, but that of {spec.name!r} is {directions}, and "
            f"{spec.metric} needs {spec.direction}. Run {spec.file} under another name with --fork NEW_NAME, or start "
            "over with --restart, which keeps the old study under another name."
        )
    if changed:  # nothing was learnt yet; but what waits has parameters of the old setup
        for trial in trials:
            if not trial.state.is_finished():
                session.memory.set_trial_state_values(trial._trial_id, OptunaState.RUNNING)
                tell(study, trial.number, Outcome(TrialState.FAILED, None, "the study was changed before it ran"))
    info = study_info(spec)  # budgets may change freely, and hold for `tuner train` as well
    if study.user_attrs.get(STUDY_INFO) != info:
        study.set_user_attr(STUDY_INFO, info)
    if before != now:
        study.set_user_attr(FINGERPRINT, now)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names([spec.metric])  # what optuna-dashboard calls the objective
    if study.user_attrs.get(SETTINGS, 0) != spec.settings:  # None is too many to try them all
        study.set_user_attr(SETTINGS, spec.settings)
    return spec


def study_info(spec: StudySpec) -> dict[str, Any]:
    """Return what a reader of the database needs to know of the study without its file."""
    return {
        "file": spec.file,
        "metric": spec.metric,
        "task": str(spec.facts.task),
        "source": {**spec.source, **_sampler_to_show(spec.source)},
        "facts": spec.facts.to_json(),
    }


def _sampler_to_show(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section of the sampler without the passwords in URLs of older studies, if there are any."""
    sampler = source.get("sampler", {})
    return {"sampler": {**sampler, "from": [hidden(name) for name in sampler["from"]]}} if "from" in sampler else {}

"""A study joined by this process: it proposes the parameters of trials."""

from __future__ import annotations

import json
from typing import Any

import optuna
from optuna.trial import TrialState as OptunaState

from tuner.catalog import seed_from
from tuner.optuna_internals import fixed_params
from tuner.runner.budget import BudgetTracker, Stopwatch
from tuner.runner.fingerprint_check import check_fingerprint
from tuner.runner.points_from_older_studies import older_points
from tuner.runner.settings_within_limits import AffordableSettings
from tuner.search import (
    FIRST_TRIALS,
    PRUNERS,
    SAMPLERS,
    KnownPoints,
    PointQueue,
    SettingIndex,
    distribution,
    portfolio_points,
    published_points,
    suggest,
    to_optuna_params,
)
from tuner.storage import KNOWN_POINTS, OLDER_POINTS, OlderPoints, StudySession, hidden
from tuner.study import StudySpec


class OpenStudy:
    """Optuna's study in memory, with its sampler, its pruner and its budget.

    Args:
        spec: The study.
        session: Its session; new.
        stopwatch: Wall time of this run.

    Attributes:
        spec: The study, with what its file leaves open as it was when it began.
        session: As given.
        optuna: Optuna's study.
        pruner: Row of its pruner.
        rungs: Steps at which the pruner decides, or None for each.
        budget: Its budget.

    Raises:
        StudyChangedError: The study of this name has another setup.
    """

    def __init__(self, spec: StudySpec, session: StudySession, stopwatch: Stopwatch) -> None:
        self.spec, self.session = spec, session
        self.optuna = session.study()
        session.sync(self._check_fingerprint)
        spec = self.spec
        trials = self.optuna.get_trials(deepcopy=False)
        sampler, self.pruner = SAMPLERS[spec.sampler.name], PRUNERS[spec.pruner.name]
        self._sampler_seed = _sampler_seed(spec.seed, len(trials), session.coordinator_index)
        self.optuna.sampler = sampler.build(self._sampler_seed, spec.space, spec.budget.trials, **spec.sampler.options)
        self.optuna.pruner = self.pruner.build(spec.steps, spec.trainings > 1, **spec.pruner.options)
        self.rungs = self.pruner.rungs(spec.steps, **spec.pruner.options)
        own = [to_optuna_params(point, spec.space) for point in spec.own_points] + self._older_points()
        self._points = PointQueue(own, self._known_points(len(trials)) if spec.initial_points else None)
        # What failed may have been fixed: the first process to come tries it again.
        failed = {t.number for t in trials if t.state == OptunaState.FAIL and not session.coordinator_index}
        self._settings = SettingIndex(spec.space, failed)
        learns = sampler.failure_encoding != "nothing" and bool(spec.limits.given)
        self._affordable = AffordableSettings(spec, self._settings) if learns else None
        self.budget = BudgetTracker(spec, self.optuna, self._settings, stopwatch)
        session.on_remote_change = self.budget.on_remote_change

    def _check_fingerprint(self) -> None:
        self.spec = check_fingerprint(self.spec, self.session, self.optuna)

    def _known_points(self, trials: int) -> KnownPoints:
        """Return the known good settings: those of the version with which the study began.

        What is stored is the list for a study of which nothing is known.  If this version has another one, the stored
        list is gone through as it is.

        Args:
            trials: How many it has.
        """
        space, task, objective = self.spec.space, self.spec.facts.task, self.spec.objective
        points, portfolio = portfolio_points(space, task)
        known = KnownPoints(points, objective, portfolio, FIRST_TRIALS)
        wanted = json.loads(json.dumps(space.to_json()))  # tuples are lists in the database

        def stored() -> list[dict[str, Any]] | None:
            content = self.optuna.user_attrs.get(KNOWN_POINTS, {})
            return content["points"] if content.get("space") == wanted else None

        def store() -> None:
            if stored() is None:  # nor has another process
                self.optuna.set_user_attr(KNOWN_POINTS, {"space": wanted, "points": known.unseen()})

        if trials and KNOWN_POINTS not in self.optuna.user_attrs:
            return KnownPoints(published_points(space, task), objective)
        if stored() is None:
            self.session.sync(store)
        points = stored() or []
        return known if points == known.unseen() else KnownPoints(points, objective)

    def _older_points(self) -> list[dict[str, Any]]:
        """Return the settings taken of older studies, which are read once: when the study begins."""
        wanted = {"older": [hidden(name) for name in self.spec.older], "space": self.spec.space.to_json()}
        wanted = json.loads(json.dumps(wanted))  # tuples are lists in the database

        def stored() -> OlderPoints | None:
            found = OlderPoints.model_validate(self.optuna.user_attrs.get(OLDER_POINTS, {}))
            before = {"older": [hidden(name) for name in found.older], "space": found.space}
            return found if before == wanted else None

        def store() -> None:
            if stored() is None:  # nor has another process
                self.optuna.set_user_attr(OLDER_POINTS, {**wanted, "points": points})

        if not self.spec.older:
            return []
        if stored() is None:
            points = [point.model_dump() for point in older_points(self.spec, self.session.database.url)]
            self.session.sync(store)
        found = stored()
        return [point.params for point in found.points] if found is not None else []

    def fixed_params(self, new: int) -> dict[str, Any]:
        """Return the parameters that are fixed for the trial after `new` new ones: an initial point, if one is left."""
        if self._points.is_empty(self.budget.started):
            return {}
        trials = self.optuna.get_trials(deepcopy=False)
        self._settings.update(trials)
        waiting = self._points.waiting(trials, self._settings.is_used)
        return waiting[new] if new < len(waiting) else {}

    def trial(self, number: int) -> optuna.Trial:
        """Return Optuna's trial of this number."""
        return self.session.optuna_trial(self.optuna, number)

    def ask(self, number: int) -> tuple[optuna.Trial, bool]:
        """Suggest the parameters of a trial; the second value is False if it runs again, and has them."""
        trial = self.trial(number)
        fresh = not trial.params
        suggest(trial, self.spec.space)
        return (self.replace_setting(number) or trial) if fresh else trial, fresh

    def replace_setting(self, number: int) -> optuna.Trial | None:
        """Reassign a trial that would repeat a setting, or whose network is known to be over a limit.

        What was enqueued stays: a setting that is given as a whole, and of another one the network.

        Returns:
            The trial with its new setting, or None if it keeps the one that it has.
        """
        trials, space = self.optuna.get_trials(deepcopy=False), self.spec.space
        self._settings.update(trials)
        params, given = trials[number].params, fixed_params(trials[number])
        seed, found = f"{self._sampler_seed} {number}", None
        if self._settings.is_used(params, number) and not self._settings.is_whole(given):
            found = self._settings.nearest_unused(params, seed, fixed=given)
        if self._affordable is not None:
            self._affordable.update(trials)
            found = self._affordable.nearest(found or params, seed, fixed=given) or found
        if found is None:
            return None
        self.session.reassign(number, found, {name: distribution(space[name].parameter) for name in found})
        return self.trial(number)


def _sampler_seed(seed: int, trials: int, coordinator: int) -> int:
    """Derive the seed of the sampler from the study's seed, the number of trials, and the asking process.

    Neither a resumed run nor a concurrent one may draw again what another one draws.
    """
    return seed_from(f"sampler {seed} {trials}" + (f" {coordinator}" if coordinator else ""))

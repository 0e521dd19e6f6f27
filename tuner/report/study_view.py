"""A study with everything that its report shows, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from tuner.analysis import importance, ranked, searched_dimensions, written_params
from tuner.catalog import Objective, TrialState
from tuner.engines import NetworkLimits
from tuner.health import Finding, Probe
from tuner.results import Curve, StoredStudy, fold_mean, learning_curve, network_cost_row
from tuner.search import StoredTrial, find_best
from tuner.storage import StudyInfo, read_epochs, read_probes, trial_attributes


@dataclass(frozen=True)
class TrialView:
    """A trial as the report shows it.

    Attributes:
        trial: As Optuna has it; `params` and `distributions` are taken from here.
        state, reason: Its state, and why.
        value: The objective of a complete trial, the last report of a pruned one; None for all others.
        epochs: Epochs trained, over all folds.
        seconds: Wall time in its worker, or None if it is not known.
        curve: What it measured.
        findings: What was found of its health, the verdict first; none if it was not measured.
    """

    trial: StoredTrial
    state: TrialState
    reason: str | None
    value: float | None
    epochs: int
    seconds: float | None
    curve: Curve
    findings: tuple[Finding, ...] = ()

    @property
    def verdict(self) -> str | None:
        """The verdict on its health, or None if it was not measured."""
        return self.findings[0].verdict if self.findings else None

    @property
    def training_values(self) -> list[float]:
        """The objective of each of its trainings, on folds or with repeats; empty if there was one."""
        return trial_attributes(self.trial).training_values

    @property
    def selected_epochs(self) -> list[int]:
        """The epoch that gave the model of each split; empty if it is not known."""
        return trial_attributes(self.trial).selected_epochs

    @property
    def marked_epoch(self) -> int | None:
        """The epoch that gave the model if there is one training, which continued after it; else None."""
        selected, epochs = self.selected_epochs, self.curve.epochs
        return selected[0] if len(selected) == 1 and epochs and selected[0] < epochs[-1] else None

    @property
    def network_cost(self) -> dict[str, Any]:
        """What its network costs, by the names of `tuner show --json`; None for what is not known."""
        return network_cost_row(trial_attributes(self.trial))

    @property
    def over_limit(self) -> bool:
        """Whether it was not trained, as its network was over a limit."""
        return trial_attributes(self.trial).outcome.violation is not None

    @property
    def number(self) -> int:
        """From 0, in the order in which trials were asked for."""
        return self.trial.number

    @property
    def params(self) -> dict[str, Any]:
        """The searched parameters that count in it, as the study file writes them."""
        return written_params(self.trial)


@dataclass(frozen=True)
class StudyView:
    """A study as the report shows it.

    Attributes:
        study: The study.
        trials: All of its trials, by number.
    """

    study: StoredStudy
    trials: tuple[TrialView, ...]

    @property
    def metric(self) -> str:
        """Name of the objective."""
        return self.objective.metric

    @property
    def objective(self) -> Objective:
        """Metric and direction."""
        return self.study.objective

    @property
    def info(self) -> StudyInfo:
        """Study file and data; empty for a study of plain Optuna."""
        return self.study.record.attrs.info

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Everything that its trials have in common; empty for a study of plain Optuna."""
        return self.study.record.attrs.fingerprint

    @property
    def limits(self) -> dict[str, float]:
        """What the network of a trial may cost, by the keys of `[limits]`."""
        given = {field.name: self.fingerprint.get(f"limits.{field.name}") for field in fields(NetworkLimits)}
        return {name: limit for name, limit in given.items() if isinstance(limit, int | float)}

    @property
    def refit(self) -> dict[str, Any]:
        """What `tuner train` found last: the shape of its JSON; empty if it was not run."""
        return self.study.record.attrs.refit

    @cached_property
    def dimensions(self) -> list[str]:
        """The searched dimensions, in the order in which they were first asked for."""
        return searched_dimensions(self.study)

    @cached_property
    def best(self) -> TrialView | None:
        """The best complete trial."""
        found = find_best(self.study.record.trials, self.objective)
        return None if found is None else self.trials[found.number]

    @cached_property
    def ranking(self) -> list[TrialView]:
        """The complete trials, best first."""
        complete = [seen for seen in self.in_state(TrialState.COMPLETE) if seen.value is not None]
        return ranked(complete, self.objective)

    @cached_property
    def importance(self) -> dict[str, Any]:
        """Importance of each dimension: the shape of `tuner compare --json`."""
        return importance(self.study)

    @cached_property
    def probes(self) -> dict[int, dict[int, list[Probe]]]:
        """The probes of each trial by number and fold, in order, without trials that were not measured."""
        numbers = {seen.trial.trial_id: seen.number for seen in self.trials}
        found = read_probes(self.study.database, list(numbers)) if numbers else {}
        return {numbers[trial_id]: folds for trial_id, folds in found.items()}

    @property
    def by_importance(self) -> list[str]:
        """The searched dimensions, most important first; as they were asked for while that is not known."""
        return [row["name"] for row in self.importance["dimensions"]]

    @property
    def folds(self) -> int:
        """Folds that a trial is trained on; 1 for a hold-out."""
        validation = self.fingerprint.get("data.validation")
        return int(validation.get("folds", 1)) if isinstance(validation, Mapping) else 1

    @property
    def planned_epochs(self) -> int | None:
        """Epochs of a trial that is not ended early, over all its trainings, or None if it is not known."""
        epochs = self.fingerprint.get("epochs")
        return None if epochs is None else int(epochs) * self.folds * int(self.fingerprint.get("repeats", 1))

    def in_state(self, *states: TrialState) -> list[TrialView]:
        """Return the trials in one of these states."""
        return [seen for seen in self.trials if seen.state in states]


def load_view(study: StoredStudy, known: Mapping[int, TrialView] | None = None) -> StudyView:
    """Read the epochs of every trial.

    Args:
        study: The study.
        known: Trials that were loaded before, by number; finished ones do not change, and are not read again.
    """
    trials, known = study.record.trials, known or {}
    kept = {number: seen for number, seen in known.items() if seen.trial.state.is_finished()}
    curves = _curves(study, [trial for trial in trials if trial.number not in kept])
    return StudyView(
        study, tuple(kept.get(trial.number) or _seen(study, trial, curves[trial.number]) for trial in trials)
    )


def _seen(study: StoredStudy, trial: StoredTrial, curve: Curve) -> TrialView:
    state, reason = study.trial_state(trial)
    value = trial.value if state in (TrialState.COMPLETE, TrialState.PRUNED) else None
    epochs = study.epochs.get(trial.trial_id, len(curve.epochs))
    findings = tuple(study.trial_health(trial))
    return TrialView(trial, state, reason, value, epochs, trial_attributes(trial).duration_s, curve, findings)


def _curves(study: StoredStudy, trials: Sequence[StoredTrial]) -> dict[int, Curve]:
    stored = read_epochs(study.database, [trial.trial_id for trial in trials]) if trials else {}
    return {
        trial.number: learning_curve(stored[trial.trial_id]) if trial.trial_id in stored else _reported_curve(trial)
        for trial in trials
    }


def _reported_curve(trial: StoredTrial) -> Curve:
    """Return the reports of a trial of plain Optuna as a curve."""
    reports = sorted(trial.intermediate_values.items())
    unmeasured = (None,) * len(reports)
    metric = tuple(fold_mean([value]) for _, value in reports)
    return Curve(tuple(step for step, _ in reports), metric, unmeasured, unmeasured, unmeasured)

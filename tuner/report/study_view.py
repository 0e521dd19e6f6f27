"""Everything that a picture of a study is drawn from, read once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from optuna.trial import FrozenTrial

from tuner.analysis import fold_mean, importance, ranked, searched_dimensions, written_params
from tuner.catalog import Objective, TrialState
from tuner.results import StoredStudy
from tuner.search import find_best
from tuner.storage import read_epochs, read_probes


@dataclass(frozen=True)
class Curve:
    """What a trial measured, epoch by epoch; with folds the mean over those that were trained.

    Attributes:
        epochs: Their numbers, from 1; `k` of them.
        metric, loss, val_loss, rate: `k` numbers each; None where one was not finite, or not measured.
    """

    epochs: tuple[int, ...] = ()
    metric: tuple[float | None, ...] = ()
    loss: tuple[float | None, ...] = ()
    val_loss: tuple[float | None, ...] = ()
    rate: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class TrialView:
    """A trial as pictures show it.

    Attributes:
        trial: As Optuna has it; `params` and `distributions` are taken from here.
        state, reason: How it ended, or where it stands.
        value: The objective of a complete trial, the last report of a pruned one; None for all others.
        epochs: Epochs trained, over all folds.
        seconds: Wall time in its worker; None where it is not known.
        curve: What it measured.
        findings: What was found of its health, the verdict first: `{"verdict", "layer", "fold", "epoch", "value",
            "threshold", "text"}` each; none where it was not measured.
    """

    trial: FrozenTrial
    state: TrialState
    reason: str | None
    value: float | None
    epochs: int
    seconds: float | None
    curve: Curve
    findings: tuple[dict[str, Any], ...] = ()

    @property
    def verdict(self) -> str | None:
        """The verdict on its health; None where it was not measured."""
        return str(self.findings[0]["verdict"]) if self.findings else None

    @property
    def number(self) -> int:
        """From 0, in the order in which trials were asked for."""
        return self.trial.number

    @property
    def params(self) -> dict[str, Any]:
        """The searched parameters that count in it, as a person writes them."""
        return written_params(self.trial)


@dataclass(frozen=True)
class StudyView:
    """A study with what its pictures show.

    Attributes:
        study: The study.
        trials: All of its trials, by number.
    """

    study: StoredStudy
    trials: tuple[TrialView, ...]

    @property
    def metric(self) -> str:
        """What the objective is called."""
        return self.objective.metric

    @property
    def objective(self) -> Objective:
        """What the study optimizes."""
        return self.study.objective

    @property
    def about(self) -> dict[str, Any]:
        """What the study was run with; empty for one that plain Optuna made."""
        return dict(self.study.record.attrs.get("tuner:about", {}))

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What its trials have in common; empty for one that plain Optuna made."""
        return dict(self.study.record.attrs.get("tuner:fingerprint", {}))

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
        """How much each dimension mattered: the shape of `tuner compare --json`."""
        return importance(self.study)

    @cached_property
    def probes(self) -> dict[int, list[dict[str, Any]]]:
        """Every look at the layers of each trial, by number, in order; without those that were not measured.

        Each is `{"fold", "epoch", "loss", "layers"}`, and each layer `{"layer", "gradient_norm", "update_ratio",
        "dead_share", "saturated_share"}`; epoch 0 are the initial weights.
        """
        numbers = {seen.trial._trial_id: seen.number for seen in self.trials}
        found: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for probe in read_probes(self.study.database, list(numbers)) if numbers else []:
            found[numbers[probe["trial_id"]]].append(probe)
        return dict(found)

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
        """Epochs of a trial that is not ended early, over all folds; None where it is not known."""
        epochs = self.fingerprint.get("epochs")
        return None if epochs is None else int(epochs) * self.folds

    def in_state(self, *states: TrialState) -> list[TrialView]:
        """Return the trials in one of these states."""
        return [seen for seen in self.trials if seen.state in states]


def load_view(study: StoredStudy, known: Mapping[int, TrialView] | None = None) -> StudyView:
    """Read the epochs of every trial.

    Args:
        study: The study.
        known: Trials that were seen before, by number.  One that has ended does not change any more, and is not read
            again.
    """
    trials, known = study.record.trials, known or {}
    kept = {number: seen for number, seen in known.items() if seen.trial.state.is_finished()}
    curves = _curves(study, [trial for trial in trials if trial.number not in kept])
    return StudyView(
        study, tuple(kept.get(trial.number) or _seen(study, trial, curves[trial.number]) for trial in trials)
    )


def _seen(study: StoredStudy, trial: FrozenTrial, curve: Curve) -> TrialView:
    state, reason = study.trial_state(trial)
    value = trial.value if state in (TrialState.COMPLETE, TrialState.PRUNED) else None
    epochs = study.epochs.get(trial._trial_id, len(curve.epochs))
    findings = tuple(study.trial_health(trial))
    return TrialView(trial, state, reason, value, epochs, trial.user_attrs.get("duration_s"), curve, findings)


def _curves(study: StoredStudy, trials: Sequence[FrozenTrial]) -> dict[int, Curve]:
    rows: dict[int, dict[int, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    if trials:
        for row in read_epochs(study.database, [trial._trial_id for trial in trials]):
            rows[row["trial_id"]][row["epoch"]].append(row)
    return {trial.number: _curve(rows.get(trial._trial_id) or _reported(trial)) for trial in trials}


def _reported(trial: FrozenTrial) -> dict[int, list[Mapping[str, Any]]]:
    """Return the reports of a trial of plain Optuna, in the form of epochs."""
    return {step: [{"metric": value}] for step, value in sorted(trial.intermediate_values.items())}


def _curve(epochs: Mapping[int, Sequence[Mapping[str, Any]]]) -> Curve:
    numbers = sorted(epochs)
    columns = {"metric": "metric", "loss": "loss", "val_loss": "val_loss", "rate": "learning_rate"}
    return Curve(
        tuple(numbers),
        **{
            name: tuple(fold_mean([row.get(column) for row in epochs[number]]) for number in numbers)
            for name, column in columns.items()
        },
    )

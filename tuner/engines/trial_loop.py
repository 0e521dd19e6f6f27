"""One trial: a recipe on every split, what is reported of it, and how healthy it was."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypeAlias

from tuner.catalog import Recipe, TrialState
from tuner.data import PreparedData, Split
from tuner.engines.base import Engine, EpochRecord, TrainingResult
from tuner.engines.checkpoint import Checkpoint
from tuner.health import Finding, Fold, HealthOptions, Probe, assess, probe_epochs

ReportCallback: TypeAlias = Callable[[EpochRecord, "tuple[int, float] | None"], bool]
"""Told of each epoch and, where the pruner sees one, of the step (from 1) and its value; False ends the trial."""

CheckpointHook: TypeAlias = Callable[[Callable[[], Checkpoint]], None]
"""Called after each epoch behind which the trial goes on, with what makes a checkpoint of it; it may want none."""


def run_trial(
    engine: Engine,
    recipe: Recipe,
    prepared: PreparedData,
    build: Callable[..., Any],
    on_epoch: ReportCallback,
    health: HealthOptions | None = None,
    after_split: Callable[[Split], None] = lambda split: None,
    keep: CheckpointHook = lambda make: None,
    resume: Checkpoint | None = None,
) -> TrainingResult:
    """Train a recipe on each split in turn.

    A hold-out study reports every epoch.  A study with folds reports every fold, by its last epoch: values of the
    same fold can be compared between trials, values of different folds cannot.  The objective of the
    trial is the last epoch's value, or the mean of it over the folds: what the recipe gives when it is trained again.

    A verdict of `health.stop` ends the trial as a diverged one, in whichever epoch it is found.

    `after_split` is called with each split that was trained to its last epoch, while the engine still has its model.

    A trial that goes on from a checkpoint, `resume`, ends as it would have without the cut; `on_epoch` is told of later
    epochs only.

    Raises:
        CheckpointError: It cannot go on from `resume`; `on_epoch` was told of nothing.
    """
    doctor = _Doctor(recipe.epochs, health or HealthOptions())
    training = _train(engine, recipe, prepared, build, on_epoch, doctor, after_split, keep, resume)
    if doctor.stopped is not None:
        training = TrainingResult(TrialState.DIVERGED, None, f"{doctor.stopped.verdict}: {doctor.stopped.text}")
    return dataclasses.replace(training, findings=assess(doctor.folds, training.findings))


def _train(
    engine: Engine,
    recipe: Recipe,
    prepared: PreparedData,
    build: Callable[..., Any],
    on_epoch: ReportCallback,
    doctor: _Doctor,
    after_split: Callable[[Split], None],
    keep: CheckpointHook,
    resume: Checkpoint | None,
) -> TrainingResult:
    folds, go_on = len(prepared.splits), True
    records = [] if resume is None else [*resume.records]
    values = [] if resume is None else [*resume.values]
    for record in records:
        doctor.look(record)

    def checkpoint() -> Checkpoint:
        return Checkpoint(tuple(records), tuple(values), engine.state())

    def decide(record: EpochRecord) -> bool:
        nonlocal go_on
        doctor.look(record)
        records.append(record)
        if folds == 1:
            go_on = on_epoch(record, (record.epoch, record.metric))
        else:
            last = record.epoch == recipe.epochs
            go_on = on_epoch(record, (record.fold + 1, record.metric) if last else None)
        go_on = go_on and doctor.stopped is None
        if go_on and (record.epoch < recipe.epochs or record.fold + 1 < folds):
            keep(checkpoint)
        return go_on

    for fold, split in list(enumerate(prepared.splits))[len(values) :]:
        state = resume.state if resume is not None and fold == resume.fold else None
        training = engine.train(recipe, split, prepared.facts, build, fold, decide, doctor.epochs, state)
        if training.state != TrialState.COMPLETE or training.value is None:
            return training
        after_split(split)
        values.append(training.value)
        if not go_on and fold + 1 < folds:
            return TrainingResult(
                TrialState.PRUNED, math.fsum(values) / len(values), f"pruned after fold {fold + 1} of {folds}"
            )
    return TrainingResult(TrialState.COMPLETE, math.fsum(values) / folds)


class _Doctor:
    """Looks at each probe of a trial.

    Attributes:
        epochs: Epochs after which it wants to see the layers.
        folds: What it knows.
        stopped: Why the trial must end; None while it may go on.
    """

    def __init__(self, epochs: int, options: HealthOptions) -> None:
        self._epochs, self._options = epochs, options
        self.epochs = probe_epochs(epochs) if options.measure else ()
        self.folds: list[Fold] = []
        self.stopped: Finding | None = None
        self._probes: list[Probe] = []
        self._val_losses: dict[int, float] = {}

    def look(self, record: EpochRecord) -> None:
        """Take in an epoch."""
        if len(self.folds) <= record.fold:
            self._probes, self._val_losses = [], {}
            self.folds.append(Fold(record.fold, self._epochs, self._probes, self._val_losses))
        self._val_losses[record.epoch] = record.val_loss
        self._probes += record.probes
        if record.probes and self.stopped is None:
            unwanted = (finding for finding in assess(self.folds) if finding.verdict in self._options.stop)
            self.stopped = next(unwanted, None)

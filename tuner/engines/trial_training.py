"""Run one trial: a recipe on every split, its reports and its health."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypeAlias

from tuner.catalog import EpochSelector, Recipe, TrialState, seed_from
from tuner.data import PreparedData, Split
from tuner.engines.base import Engine, EpochRecord, TrainingResult, TrainingTask
from tuner.engines.checkpoint import Checkpoint
from tuner.engines.network_limits import NO_NETWORK_LIMITS, NetworkLimitError, NetworkLimits
from tuner.health import Finding, Fold, HealthOptions, Probe, assess, probe_epochs

ReportCallback: TypeAlias = Callable[[EpochRecord, "tuple[int, float] | None"], bool]
"""Called after each epoch, with the step (from 1) and its value if the pruner sees one; False ends the trial."""

CheckpointHook: TypeAlias = Callable[[Callable[[], Checkpoint]], None]
"""Called after each epoch but the last, with a function that makes a checkpoint if it is wanted."""


def run_trial(
    engine: Engine,
    recipe: Recipe,
    prepared: PreparedData,
    build: Callable[..., Any],
    on_epoch: ReportCallback,
    health: HealthOptions | None = None,
    after_split: Callable[[Split], None] = lambda split: None,
    repeats: int = 1,
    on_checkpoint: CheckpointHook = lambda make: None,
    resume: Checkpoint | None = None,
    limits: NetworkLimits = NO_NETWORK_LIMITS,
) -> TrainingResult:
    """Train a recipe on each split in turn, and, with `repeats`, on all of them again with other seeds.

    A trial of one training reports every epoch: what it would be worth if it ended there.  A trial of several reports
    every training: values of the same fold can be compared between trials, values of different folds cannot.  The
    objective of the trial is the value of the selected epoch (`EpochSelector`), or its mean over the trainings.

    A verdict in `health.stop` ends the trial as diverged, in any epoch; a network over one of the `limits` before the
    first one.  Later trainings and resumed trials have the same network, and are not timed again: a time that noise
    has lengthened would throw away what is trained.

    `after_split` is called after each split that was trained to its last epoch, while the engine still has its model.

    A trial resumed from a checkpoint ends as it would have without interruption; `on_epoch` gets later epochs only.

    Raises:
        CheckpointError: It cannot continue from `resume`; `on_epoch` was not called.
    """
    monitor = HealthMonitor(recipe.epochs, health or HealthOptions(), pretrained=bool(recipe.model.saved_models))
    trial = _TrialRun(engine, recipe, prepared, repeats, monitor, on_epoch, on_checkpoint, resume, limits)
    try:
        training = trial.train(build, after_split)
    except NetworkLimitError as error:
        return TrainingResult.over_limit(error.reason, error.violation)
    if monitor.stop_finding is not None:
        reason = f"{monitor.stop_finding.verdict}: {monitor.stop_finding.text}"
        training = TrainingResult(TrialState.DIVERGED, None, reason)
    return dataclasses.replace(training, findings=assess(monitor.folds, training.findings))


class _TrialRun:
    """One trial, training by training: split by split, seed by seed.

    The `fold` of a record is the index of the training: a split counts again for each seed.
    """

    def __init__(
        self,
        engine: Engine,
        recipe: Recipe,
        prepared: PreparedData,
        repeats: int,
        monitor: HealthMonitor,
        on_epoch: ReportCallback,
        on_checkpoint: CheckpointHook,
        resume: Checkpoint | None,
        limits: NetworkLimits,
    ) -> None:
        self._engine, self._recipe, self._prepared, self._monitor = engine, recipe, prepared, monitor
        self._trainings, self._limits = len(prepared.splits) * repeats, limits
        self._on_epoch, self._on_checkpoint, self._resume = on_epoch, on_checkpoint, resume
        self._records = [] if resume is None else [*resume.records]
        self._values = [] if resume is None else [*resume.values]
        self._predict_times = None if resume is None else resume.predict_times
        self._epochs: list[int] = []
        self._proceed = True
        self._selector = EpochSelector(recipe)
        for record in self._records:
            monitor.observe(record)
            self._select(record)

    def train(self, build: Callable[..., Any], after_split: Callable[[Split], None]) -> TrainingResult:
        """Run the trainings that are left."""
        splits, values = self._prepared.splits, self._values
        for index in range(len(values), self._trainings):
            repeat, fold = divmod(index, len(splits))
            recipe, split = self._repeated(repeat), splits[fold]
            state = self._resume.state if self._resume is not None and index == self._resume.fold else None
            facts, probed = self._prepared.facts, self._monitor.probed_epochs
            is_first = index == 0 and self._resume is None
            limits = self._limits if is_first else NO_NETWORK_LIMITS
            task = TrainingTask(
                recipe, split, facts, build, index, probed, state, limits, self._predict_times, is_first
            )
            training = self._engine.train(task, self._report)
            self._predict_times = self._engine.predict_times
            if training.state != TrialState.COMPLETE or training.value is None:
                return training
            after_split(split)
            values.append(training.value)
            if not self._selector.ended:  # a loop of the user may end before the last planned epoch
                self._epochs += training.epochs
            if not self._proceed and index + 1 < self._trainings:
                what = "fold" if self._trainings == len(splits) else "training"
                reason = f"pruned after {what} {index + 1} of {self._trainings}"
                return TrainingResult(TrialState.PRUNED, math.fsum(values) / len(values), reason)
        mean, several = math.fsum(values) / self._trainings, self._trainings > 1
        return TrainingResult(
            TrialState.COMPLETE, mean, epochs=tuple(self._epochs), values=tuple(values) if several else ()
        )

    def _repeated(self, repeat: int) -> Recipe:
        """Return the recipe with the seed of a repeat, see `repeat_seed`."""
        seed = repeat_seed(self._recipe.seed, repeat)
        return self._recipe if seed == self._recipe.seed else self._recipe.model_copy(update={"seed": seed})

    def _select(self, record: EpochRecord) -> EpochSelector:
        """Let the selector of the split observe an epoch, and return it."""
        if record.epoch == 1:
            self._selector = EpochSelector(self._recipe)
        self._selector.observe(record.metric, record.val_loss)
        if self._selector.ended:
            self._epochs.append(self._selector.epoch)
        return self._selector

    def _report(self, record: EpochRecord) -> bool:
        selector, several = self._select(record), self._trainings > 1
        is_last = selector.ended
        self._monitor.observe(record)
        self._records.append(record)
        step = record.epoch if not several else record.fold + 1 if is_last else None
        self._proceed = self._on_epoch(record, None if step is None else (step, selector.value))
        self._proceed = self._proceed and self._monitor.stop_finding is None
        if self._proceed and not (is_last and record.fold + 1 == self._trainings):
            self._on_checkpoint(self._checkpoint)
        return self._proceed

    def _checkpoint(self) -> Checkpoint:
        engine = self._engine
        return Checkpoint(tuple(self._records), tuple(self._values), engine.state(), engine.predict_times)


def repeat_seed(seed: int, repeat: int) -> int:
    """Derive the seed of a repeat; the first one, 0, has the seed itself."""
    return seed_from(f"{seed} repeat {repeat}") if repeat else seed


class HealthMonitor:
    """Assesses each probe of a trial.

    Args:
        epochs: Planned epochs.
        options: What the study file says.
        pretrained: Whether the network has layers of a saved model.

    Attributes:
        probed_epochs: Epochs after which the layers are probed.
        folds: The record of each split so far.
        stop_finding: The finding that ends the trial, or None so far.
    """

    def __init__(self, epochs: int, options: HealthOptions, *, pretrained: bool = False) -> None:
        self._epochs, self._options, self._pretrained = epochs, options, pretrained
        self.probed_epochs = probe_epochs(epochs) if options.measure else ()
        self.folds: list[Fold] = []
        self.stop_finding: Finding | None = None
        self._probes: list[Probe] = []
        self._val_losses: dict[int, float] = {}

    def observe(self, record: EpochRecord) -> None:
        """Add the record of an epoch."""
        if len(self.folds) <= record.fold:
            self._probes, self._val_losses = [], {}
            self.folds.append(Fold(record.fold, self._epochs, self._probes, self._val_losses, self._pretrained))
        self._val_losses[record.epoch] = record.val_loss
        self._probes += record.probes
        if record.probes and self.stop_finding is None:
            unwanted = (finding for finding in assess(self.folds) if finding.verdict in self._options.stop)
            self.stop_finding = next(unwanted, None)

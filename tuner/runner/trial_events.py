"""Event handler of the running trials: report, prune, store, tell."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import optuna

from tuner.catalog import TrialState
from tuner.engines import EpochRecord, StepTimes, TrainingResult
from tuner.errors import StorageError
from tuner.protocol import (
    CheckpointSaved,
    CheckpointSkipped,
    EpochFinished,
    Event,
    Executor,
    GlobalStateChanged,
    Job,
    JobFailed,
    JobFinished,
    LimitExceeded,
    ModelWarned,
    TrialRestarted,
    WorkerDied,
)
from tuner.runner.failure_policies import DeathRetryPolicy, FailureStreak
from tuner.runner.progress import RunningTraining
from tuner.runner.time_left import TimeLeft
from tuner.runner.tracker_thread import TrackerThread
from tuner.runner.trial_proposals import OpenStudy
from tuner.search import Outcome, searched_params, tell
from tuner.storage import (
    DURATION,
    ENGINE,
    FALLBACK_REASON,
    NETWORK_SIZE,
    PREDICT_TIMES,
    PROGRAMS,
    SELECTED_EPOCHS,
    STEP_TIMES,
    TRACEBACK,
    TRAINING_VALUES,
    WARNINGS,
    StoredCheckpoint,
    read_epochs,
)
from tuner.text import TrialLogs
from tuner.trackers import FinishedTrial

_MAX_WARNINGS = 10
_LAST_LINES = 12
"""Lines of the output of a dead worker that the error shows."""


@dataclass
class RunningTrial:
    """A trial in training.

    Attributes:
        trial: Optuna's trial.
        job: Its job, without a checkpoint.
        folds: Values of the folds that it has finished.
        epochs: What was measured since it was handed to a worker.
        began_at: Unix time in seconds.
    """

    trial: optuna.Trial
    job: Job
    folds: list[float] = field(default_factory=list)
    epochs: list[EpochRecord] = field(default_factory=list)
    began_at: float = field(default_factory=time.time)

    def progress(self, folds: int) -> RunningTraining:
        """Return how far it is."""
        last = self.epochs[-1] if self.epochs else None
        return RunningTraining.of(str(self.job.number), self.job.recipe, folds, last)

    def resume_job(self, checkpoint: StoredCheckpoint | None) -> Job:
        """Return the job that resumes from a checkpoint; without one it starts from scratch."""
        self.folds, self.epochs = ([] if checkpoint is None else [*checkpoint.folds]), []
        if checkpoint is None:
            return self.job
        return dataclasses.replace(self.job, checkpoint=checkpoint.content, spent_s=checkpoint.seconds)


class TrialEvents:
    """Handles the events of the trials that this process trains.

    Args:
        study: The study.
        executor: Where they are trained.
        notify: Called with what the user should know.
        tracking: Gets the finished ones.

    Attributes:
        running: The trials in training, by number.
        time_left: Estimates how long the others take.
    """

    def __init__(
        self, study: OpenStudy, executor: Executor, notify: Callable[[str], None], tracking: TrackerThread
    ) -> None:
        self._study, self._executor, self._notify = study, executor, notify
        self._session, self._tracking = study.session, tracking
        self.running: dict[int, RunningTrial] = {}
        self.time_left = TimeLeft()
        self._deaths, self._failures = DeathRetryPolicy(), FailureStreak()
        self._logs = TrialLogs(study.spec.project, study.spec.name)
        self._warned = set[str]()
        self._warned_no_checkpoint = self._warned_global_state = False

    def begin(self, running: RunningTrial) -> None:
        """Note that a trial is handed to a worker."""
        self.running[running.job.number] = running
        self.time_left.on_begin()

    def handle(self, event: Event) -> bool:
        """Handle one event; return whether a trial has ended with it."""
        number = event.number
        if number not in self.running:  # another process has taken it over
            if isinstance(event, EpochFinished) and event.awaits_decision:
                self._executor.resume_or_prune(number, False)
            return False
        match event:
            case EpochFinished():
                self._report(event)
            case CheckpointSaved():
                folds, position = self.running[number].folds, (event.fold, event.epoch)
                self._session.add_checkpoint(number, position, event.seconds, folds, event.content)
            case CheckpointSkipped() | ModelWarned() | GlobalStateChanged():
                self._warn(event)
            case TrialRestarted(reason=reason):
                self.running[number].resume_job(self._session.reset_trial(number, from_start=True))
                self.running[number].trial = self._study.trial(number)
                self._notify(f"Trial {number} starts over, as it cannot resume from its checkpoint: {reason}.")
            case JobFinished():
                self._on_job_finished(event)
            case JobFailed(error=error, traceback=traceback, frames=frames):
                self._fail(number, error, traceback, frames)
            case LimitExceeded(reason=reason):
                self._failures.on_success()
                self._finish(number, Outcome(TrialState.DIVERGED, None, reason))
            case WorkerDied() if self._deaths.should_retry(number):
                job = self.running[number].resume_job(self._session.reset_trial(number))
                self.running[number].trial = self._study.trial(number)
                self._executor.submit(job)
            case WorkerDied(reason=reason, log=log):
                self._fail(number, f"{reason}, twice", log, log.splitlines()[-_LAST_LINES:])
        return number not in self.running

    def _report(self, event: EpochFinished) -> None:
        running, study = self.running[event.number], self._study
        running.epochs.append(event.record)
        self._session.add_epoch(event.number, event.record)
        if event.step is not None and event.value is not None:
            running.folds.append(event.value)
            value = event.value if study.spec.trainings == 1 else study.pruner.after_folds(running.folds)
            running.trial.report(value, event.step)
        if event.awaits_decision:
            self._executor.resume_or_prune(event.number, not running.trial.should_prune())

    def _warn(self, event: CheckpointSkipped | ModelWarned | GlobalStateChanged) -> None:
        """Tell the user something for the first time."""
        match event:
            case CheckpointSkipped(number=number, reason=reason) if not self._warned_no_checkpoint:
                self._warned_no_checkpoint = True
                self._notify(f"Trial {number} has no checkpoints, and starts over if it is interrupted: {reason}.")
            case ModelWarned(text=text) if text not in self._warned:
                self._warned.add(text)
                self._session.update_attr(WARNINGS, lambda before: _add_warning(before, text))
                self._notify(text)
            case GlobalStateChanged() if not self._warned_global_state:
                self._warned_global_state = True
                self._notify(_global_state_text(event))

    def _on_job_finished(self, event: JobFinished) -> None:
        number, training = event.number, event.training
        self._failures.on_success()
        self._store_programs(*event.programs)
        self._store_step_times(event.measured)
        for name, value in trial_attrs(event).items():
            self.running[number].trial.set_user_attr(name, value)
        self._session.add_verdicts(number, training.findings)
        outcome = _outcome(training)
        if outcome.state == TrialState.COMPLETE:
            self._report_remaining(number, training)
        self._finish(number, outcome)

    def _report_remaining(self, number: int, training: TrainingResult) -> None:
        """Report the value of a training that ended early at the steps where others are compared with it."""
        running, last = self.running[number], self._study.optuna.get_trials(deepcopy=False)[number].last_step
        for step in running.job.rungs:
            if last is not None and step > last and training.value is not None:
                running.trial.report(training.value, step)

    def _fail(self, number: int, error: str, log: str, frames: Sequence[str] = ()) -> None:
        """End a trial with an error that says nothing about its setting; `frames` explain it."""
        stored = self._logs.keep(number, log)
        self.running[number].trial.set_user_attr(TRACEBACK, stored)
        self._finish(number, Outcome(TrialState.FAILED, None, error))
        self._failures.on_error(error, frames, stored, has_best=self._study.budget.best is not None)

    def _finish(self, number: int, outcome: Outcome) -> None:
        running = self.running.pop(number)
        trial, folds = running.trial, self._study.spec.folds or 1
        self.time_left.on_end(running.progress(folds).epoch)
        tell(self._study.optuna, trial, outcome)
        self._study.budget.on_finish(number, outcome.state, outcome.value, trial.params)
        if self._tracking.wanted:
            self._tracking.add(self._finished(running, outcome))
            for note in self._tracking.notes():
                self._notify(note)

    def _finished(self, running: RunningTrial, outcome: Outcome) -> FinishedTrial:
        trial = self._study.optuna.get_trials(deepcopy=False)[running.job.number]
        stored: Sequence[EpochRecord] = ()
        with contextlib.suppress(StorageError):  # it is away for a moment: then without epochs of earlier runs
            stored = read_epochs(self._session.database, [trial._trial_id]).get(trial._trial_id, ())
        return FinishedTrial(
            number=running.job.number,
            state=outcome.state,
            value=outcome.value,
            reason=outcome.reason,
            params=searched_params(trial),
            metric=self._study.spec.metric,
            epochs=_joined_epochs(stored, running.epochs),
            began_at=running.began_at,
            ended_at=time.time(),
        )

    def _store_programs(self, traced: int, seconds: float) -> None:
        if traced:
            self._session.update_attr(PROGRAMS, lambda before: _add_programs(before, traced, seconds))

    def _store_step_times(self, measured: Mapping[str, StepTimes]) -> None:
        """Store step times; the first ones stay, so that all trials of a network are trained in the same way."""
        if measured:
            self._session.update_attr(STEP_TIMES, lambda before: {**measured, **(before or {})})


def _joined_epochs(stored: Iterable[EpochRecord], seen: Iterable[EpochRecord]) -> tuple[EpochRecord, ...]:
    """Join the epochs in the database, which has those before a resumption, with the later ones of this process."""
    by_place = {(record.fold, record.epoch): record for record in [*stored, *seen]}
    return tuple(by_place[place] for place in sorted(by_place))


def _outcome(training: TrainingResult) -> Outcome:
    """Return how a trial ended; a complete training without a finite objective has diverged."""
    if training.state != TrialState.COMPLETE:
        return Outcome(training.state, None, training.reason, training.violation)
    if training.value is None or not math.isfinite(training.value):
        return Outcome(TrialState.DIVERGED, None, f"the objective is {training.value} after the last epoch")
    return Outcome(TrialState.COMPLETE, training.value, training.reason)


def trial_attrs(event: JobFinished) -> dict[str, Any]:
    """Return the attributes of a trial that say how it was trained."""
    attrs: dict[str, Any] = {ENGINE: event.engine, FALLBACK_REASON: event.fallback_reason}
    attrs |= {DURATION: round(event.seconds, 3), SELECTED_EPOCHS: list(event.training.epochs) or None}
    attrs[TRAINING_VALUES] = list(event.training.values) or None
    attrs[NETWORK_SIZE] = None if event.network_size is None else asdict(event.network_size)
    attrs[PREDICT_TIMES] = None if event.predict_times is None else asdict(event.predict_times)
    return {name: value for name, value in attrs.items() if value is not None}


def _global_state_text(event: GlobalStateChanged) -> str:
    what = ", ".join([*event.restored, *event.lasting])
    then = "The worker is replaced after such a trial" if event.lasting else "It is restored after each trial"
    return f"The code of trial {event.number} changes {what} for its whole process. {then}: no other trial sees it."


def _add_programs(before: dict[str, Any] | None, traced: int, seconds: float) -> dict[str, Any]:
    before = before or {"traced": 0, "seconds": 0.0}
    return {"traced": before["traced"] + traced, "seconds": round(before["seconds"] + seconds, 3)}


def _add_warning(before: list[str] | None, text: str) -> list[str]:
    before = before or []
    return before if text in before or len(before) >= _MAX_WARNINGS else [*before, text]

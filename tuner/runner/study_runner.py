"""Run a study: ask → train → report and prune → tell, until a budget is used up.

The only module that knows search, executors and storage together.  It trains nothing and never imports
TensorFlow: executors tell it what happened, the store keeps it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import optuna
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from tuner.catalog import TrialState
from tuner.engines import StepTimes
from tuner.errors import (
    DiskFullError,
    LeaseLostError,
    RepeatedFailureError,
    StorageError,
    StorageUnavailableError,
    StudyChangedError,
)
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
from tuner.runner.progress import Progress, finished_of
from tuner.runner.shutdown import ShutdownSignal
from tuner.search import (
    PRUNERS,
    SAMPLERS,
    Outcome,
    SettingIndex,
    distribution,
    find_best,
    initial_points,
    params_from_trial,
    suggest,
    tell,
    trial_state,
)
from tuner.storage import HEARTBEAT_INTERVAL_S, Database, RetryPolicy, StoredCheckpoint, StudySession
from tuner.study import StudySpec, difference, fingerprint, resolve_recipe
from tuner.text import TrialLogs

FINGERPRINT = "tuner:fingerprint"
WALL_TIME = "tuner:wall_s"
PROGRAMS = "tuner:programs"
STEP_TIMES = "tuner:step_times"
"""Attribute of a study: what its workers have measured to choose how they train (`Engine.measured`)."""
STUDY_INFO = "tuner:about"
WARNINGS = "tuner:warnings"
"""Attribute of a study: what its workers have warned of, at most `_MOST_WARNINGS` sentences."""
SETTINGS = "tuner:settings"
"""Attribute of a study: how many settings its space has, or None for too many to ever try them all."""
ENGINE = "engine"
"""Attribute of a trial: the engine that trained it."""
DURATION = "duration_s"
FALLBACK_REASON = "slower_as"
"""Attribute of a trial: why that was not the fastest engine."""
MAX_IDENTICAL_FAILURES = 3
"""The same error of user code this often in a row ends the study."""

_POLL_S = 0.2
_FLUSH_S = 1.0
_ASK_AGAIN_S = 1.0
"""How often a run with nothing to do looks whether other processes have left something."""
MAX_TRIALS_PER_ASK = 32
"""Trials asked for before they are handed out: with 1,000 free workers the first would wait for all the others."""
_MOST_WARNINGS = 10
_OPEN_ENDINGS = ("trials", "exhausted")
"""Endings that a failed or an abandoned trial takes back."""

Answer = TypeVar("Answer")


class StudyRunner:
    """One run of a study.

    Args:
        spec: The study.
        database: Where its trials live.
        executor: Where they are trained.
        show: Called with the standing whenever it changed.
    """

    def __init__(
        self,
        spec: StudySpec,
        database: Database,
        executor: Executor,
        show: Callable[[Progress], None] = lambda standing: None,
    ) -> None:
        self._spec, self._database, self._executor, self._show = spec, database, executor, show
        self._running: dict[int, optuna.Trial] = {}
        self._jobs: dict[int, Job] = {}
        self._folds: dict[int, list[float]] = {}
        self._retried: set[int] = set()
        self._errors: list[str] = []
        self._ending: str | None = None
        self._outage = RetryPolicy()
        self._ask_at = 0.0
        self._told_unsaved = self._told_changed = False
        self._warned = set[str]()
        self._logs = TrialLogs(spec.project, spec.name)

    def run(self) -> str:
        """Run until a budget is used up.

        Returns:
            Why it ended: "trials", "time", "target", "patience", "exhausted" or "interrupted".

        Raises:
            StudyChangedError: The study of this name asks another question.
            RepeatedFailureError: The same error of user code, `SAME_ERRORS` times in a row.
            StorageError: The database failed, and stayed away too long; what was finished before is kept.
            WorkerError: No worker can be started.
        """
        self._began = time.monotonic()
        self._wall = self._began
        self._store = self._patiently(self._new_store)
        done = False
        try:
            self._patiently(self._open)
            if self._database.note:
                self._tell_standing(self._database.note)
            self._ending = self._used_up()
            if not self._over():
                self._executor.start()
                with ShutdownSignal() as interrupts:
                    self._loop_as_owner(interrupts)
            done = True
            return self._ending or "trials"
        finally:
            self._executor.close(at_once=not done or bool(self._running))
            self._leave(patient=done)

    def _new_store(self) -> StudySession:
        return StudySession(self._database, self._spec.name, self._spec.direction)

    def _patiently(self, call: Callable[[], Answer]) -> Answer:
        """Use the database, and wait while its disk is full: nothing runs that could go on meanwhile."""
        while True:
            try:
                answer, full = call(), None
            except DiskFullError as error:
                full = error
            note = self._outage.on_success() if full is None else self._outage.on_error(full)
            if note is not None:
                budget, elapsed_s = self._spec.budget, time.monotonic() - self._began
                self._show(Progress.at_start(self._spec.metric, budget.trials, budget.time_s, elapsed_s, note))
            if full is None:
                return answer
            time.sleep(self._outage.pause_s)

    def _open(self) -> None:
        """Check that the question is the same, and make ready to ask."""
        spec = self._spec
        self._study = self._store.study()
        self._store.sync(self._check_question)
        trials = self._study.get_trials(deepcopy=False)
        sampler, pruner = SAMPLERS[spec.sampler.name], PRUNERS[spec.pruner.name]
        self._sampler_seed = _seed(spec.seed, len(trials), self._store.coordinator_index)
        self._study.sampler = sampler.build(self._sampler_seed, spec.space, spec.budget.trials, **spec.sampler.options)
        self._pruner = pruner
        self._study.pruner = pruner.build(spec.steps, spec.folds is not None, **spec.pruner.options)
        self._rungs = pruner.rungs(spec.steps, **spec.pruner.options)
        self._starts = initial_points(spec.space, spec.facts.task) if spec.initial_points else []
        # What failed may have been mended: whoever comes first tries it again.
        failed = {
            trial.number for trial in trials if trial.state == OptunaState.FAIL and not self._store.coordinator_index
        }
        self._asked = SettingIndex(spec.space, failed)
        self._tally()
        self._store.on_remote_change = self._count_other

    def _leave(self, *, patient: bool) -> None:
        """Give back what still runs.  Where the run has failed already, that is what it ends with."""
        while True:
            try:
                return self._store.close()
            except StorageUnavailableError as error:
                if not patient:
                    return None
                note = self._outage.on_error(error)
                if note is not None:
                    self._tell_standing(note)
                time.sleep(self._outage.pause_s)
            except StorageError:
                if patient:
                    raise
                return None

    def _check_question(self) -> None:
        """Refuse to mix the trials of two questions in one study; keep the question of a new one."""
        spec, study, now = self._spec, self._study, fingerprint(self._spec)
        before = study.user_attrs.get(FINGERPRINT)
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
                f"A study holds the trials of one question, but {spec.file} has changed since {spec.name!r} was "
                f"started:\n{lines}\nRun it under another name with --fork NEW_NAME, or take the change back. "
                "Budgets (other than epochs), sampler and pruner may change freely."
            )
        if changed:  # nothing was learnt yet; but what waits has parameters of the old question
            for trial in trials:
                if not trial.state.is_finished():
                    self._store.memory.set_trial_state_values(trial._trial_id, OptunaState.RUNNING)
                    tell(study, trial.number, Outcome(TrialState.FAILED, None, "the study was changed before it ran"))
        if study.user_attrs.get(STUDY_INFO) != about(
            spec
        ):  # budgets may change freely, and hold for `tuner train` as well
            study.set_user_attr(STUDY_INFO, about(spec))
        if before != now:
            study.set_user_attr(FINGERPRINT, now)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                study.set_metric_names([spec.metric])  # what optuna-dashboard calls the objective
        if study.user_attrs.get(SETTINGS, 0) != spec.settings:
            study.set_user_attr(SETTINGS, spec.settings)

    def _loop_as_owner(self, interrupts: ShutdownSignal) -> None:
        """Loop; where other processes took this one for dead, begin anew as a process that has just come."""
        while True:
            try:
                return self._loop(interrupts)
            except LeaseLostError:
                for number in self._running:
                    self._executor.cancel(number)
                for by_number in (self._running, self._jobs, self._folds):
                    by_number.clear()
                self._store.close(written=False)
                self._store = self._patiently(self._new_store)
                self._patiently(self._open)
                self._tell_standing(
                    "Another process has taken over the trials that ran here, as it had seen no sign of life. "
                    "Going on with others."
                )

    def _loop(self, interrupts: ShutdownSignal) -> None:
        flushed = seen = time.monotonic()
        ended = False
        while True:
            if interrupts.level and self._ending != "interrupted":
                self._ending = "interrupted"
                if interrupts.level == 1 and self._running:
                    self._tell_standing(_interrupted(len(self._running)))
            if interrupts.level > 1:
                return
            asked = self._fill()
            if asked or ended:
                self._tell_standing()
            if self._over():
                return
            events = self._executor.poll(timeout_s=0.0 if self._asks() else _POLL_S)
            ended = sum(self._handle(event) for event in events) > 0
            now = time.monotonic()
            if ended:
                self._ask_at = now
                if self._ending in _OPEN_ENDINGS:  # a failed trial is replaced
                    self._ending = None
            if (ended and not self._asks()) or now - flushed > _FLUSH_S:
                self._keep_wall()
                self._exchange(self._store.flush)
                flushed = now
            if now - seen > HEARTBEAT_INTERVAL_S:
                self._exchange(self._store.sync)
                seen = now
            if not self._running and not events:
                time.sleep(_POLL_S)

    def _over(self) -> bool:
        """Whether nothing is left to do: what other processes run may come back, if it fails or they die."""
        if self._ending is None or self._running:
            return False
        if self._ending in _OPEN_ENDINGS:
            if self._counts[TrialState.RUNNING]:
                return False
            self._ending = self._used_up()  # since it was found, trials of a dead owner may have come back
        return self._ending is not None

    def _exchange(self, call: Callable[[], Answer]) -> Answer | None:
        """Use the database, unless it is away; None where it could not be used."""
        if self._outage.pause_s > 0:
            return None
        answer = None
        try:
            answer = call()
        except StorageUnavailableError as error:
            note = self._outage.on_error(error)
        else:
            note = self._outage.on_success()
        if note is not None:
            self._tell_standing(note)
        return answer

    def _asks(self) -> bool:
        """Whether trials are wanted now."""
        if not self._running and self._ending in _OPEN_ENDINGS:
            self._ending = None  # others run the rest: one of theirs may have failed
        return self._ending is None and time.monotonic() >= self._ask_at and self._executor.free_slots() > 0

    def _fill(self) -> bool:
        """Reserve trials for the workers that are free, ask for their parameters and hand them out; whether one was."""
        if not self._asks():
            return False
        self._keep_wall()
        numbers = self._exchange(lambda: self._store.claim_trials(self._wanted))
        if not numbers:
            self._ask_at = time.monotonic() + _ASK_AGAIN_S
            return False
        measured = self._study.user_attrs.get(STEP_TIMES, {})
        fresh = {number for number in numbers if self._ask(number)}
        jobs: list[Job] = []

        def make_jobs() -> None:
            for number in numbers:
                if number in fresh:
                    self._leave_used_setting(number)  # others may have asked for it meanwhile
                jobs.append(self._job(number, measured))

        self._exchange(lambda: self._store.sync(make_jobs))  # number and parameters are safe before a training begins
        if not jobs:
            make_jobs()
        for job in jobs:
            self._executor.submit(job)
        return True

    def _wanted(self, waiting: int) -> list[dict[str, Any]]:
        """What is fixed for each trial that the budget has room for; the first ones are those that wait."""
        fixed: list[dict[str, Any]] = []
        while len(fixed) < min(self._executor.free_slots(), MAX_TRIALS_PER_ASK):
            self._ending = self._used_up(more=len(fixed))
            if self._ending is not None:
                break
            fixed.append({} if len(fixed) < waiting else self._fixed(len(fixed) - waiting))
        return fixed

    def _fixed(self, new: int) -> dict[str, Any]:
        """What is fixed for the trial behind `new` new ones."""
        number = sum(self._counts.values()) + new
        start = self._starts[number] if number < len(self._starts) else {}
        return {} if self._asked.is_used(start) else start

    def _ask(self, number: int) -> bool:
        """Ask for the parameters of a trial; False if it runs again, and has them."""
        trial = self._running[number] = self._store.optuna_trial(self._study, number)
        fresh = not trial.params
        suggest(trial, self._spec.space)
        if fresh:
            self._leave_used_setting(number)
        return fresh

    def _leave_used_setting(self, number: int) -> None:
        """Take another setting for a trial that would repeat one, unless a person has asked for just this one."""
        trials, space = self._study.get_trials(deepcopy=False), self._spec.space
        self._asked.update(trials)
        params, given = trials[number].params, trials[number].system_attrs.get("fixed_params", {})
        if not self._asked.is_used(params, number) or self._asked.is_whole(given):
            return
        unused = self._asked.nearest_unused(params, f"{self._sampler_seed} {number}", fixed=given)
        if unused is not None:
            self._store.reassign(number, unused, {name: distribution(space[name].parameter) for name in unused})
            self._running[number] = self._store.optuna_trial(self._study, number)

    def _job(self, number: int, measured: Mapping[str, StepTimes]) -> Job:
        recipe = resolve_recipe(
            self._spec, params_from_trial(self._running[number], self._spec.space), number
        ).to_json()
        self._store.add_recipe(number, recipe)
        self._jobs[number] = Job(number, recipe, self._rungs, measured=measured)
        return self._going_on(number, self._store.checkpoint(number))

    def _going_on(self, number: int, kept: StoredCheckpoint | None) -> Job:
        """The job of a trial, which goes on from a checkpoint if there is one."""
        if kept is None:
            self._folds.pop(number, None)
            return self._jobs[number]
        self._folds[number] = [*kept.folds]
        return dataclasses.replace(self._jobs[number], checkpoint=kept.content, spent_s=kept.seconds)

    def _used_up(self, more: int = 0) -> str | None:
        """The budget that is used up, if one is, where `more` trials are about to begin."""
        budget = self._spec.budget
        failed = self._counts[TrialState.FAILED]  # says nothing about a setting, and uses up no budget
        begun = finished_of(self._counts) - failed + self._counts[TrialState.RUNNING] + more
        if budget.trials is not None and max(begun, failed - self._failed_before) >= budget.trials:
            return "trials"
        if budget.time_s is not None and time.monotonic() - self._began >= budget.time_s:
            return "time"
        target, better = budget.target, self._spec.objective.better
        if self._best is not None and target is not None and not better(target, self._best[1]):
            return "target"
        if budget.patience is not None and self._since_best >= budget.patience:
            return "patience"
        self._asked.update(self._study.get_trials(deepcopy=False))
        new = more - self._counts[TrialState.WAITING]  # those that wait have their settings
        return "exhausted" if new >= 0 and self._asked.left <= new else None

    def _handle(self, event: Event) -> bool:
        """Take in one event; whether a trial has ended with it."""
        number = event.number
        if number not in self._running:  # another process has taken it over
            if isinstance(event, EpochFinished) and event.awaits_decision:
                self._executor.resume_or_prune(number, False)
            return False
        match event:
            case EpochFinished():
                self._report(event)
                return False
            case CheckpointSaved():
                folds, place = self._folds.get(number, ()), (event.fold, event.epoch)
                self._store.add_checkpoint(number, place, event.seconds, folds, event.content)
                return False
            case CheckpointSkipped(reason=reason):
                if not self._told_unsaved:
                    self._told_unsaved = True
                    self._tell_standing(f"Trial {number} has no checkpoints, and begins anew if it is cut: {reason}.")
                return False
            case ModelWarned(text=text):
                if text not in self._warned:
                    self._warned.add(text)
                    self._store.update_attr(WARNINGS, lambda before: _with_warning(before, text))
                    self._tell_standing(text)
                return False
            case GlobalStateChanged():
                if not self._told_changed:
                    self._told_changed = True
                    self._tell_standing(_changed(event))
                return False
            case TrialRestarted(reason=reason):
                self._going_on(number, self._store.reset_trial(number, from_start=True))
                self._running[number] = self._store.optuna_trial(self._study, number)
                self._tell_standing(f"Trial {number} begins anew, as it cannot go on from its checkpoint: {reason}.")
                return False
            case JobFinished(training=training):
                self._errors.clear()
                self._count_programs(*event.programs)
                self._keep_measured(event.measured)
                for name, attr in attrs_of(event).items():
                    self._running[number].set_user_attr(name, attr)
                state, value, reason = training.state, training.value, training.reason
                if state == TrialState.COMPLETE and (value is None or not math.isfinite(value)):
                    state, value, reason = TrialState.DIVERGED, None, f"the objective is {value} after the last epoch"
                self._store.add_verdicts(number, [finding.to_json() for finding in training.findings])
                self._finish(number, Outcome(state, value if state == TrialState.COMPLETE else None, reason))
            case JobFailed(error=error, traceback=traceback):
                self._fail(number, error, traceback)
            case LimitExceeded(reason=reason):
                self._errors.clear()
                self._finish(number, Outcome(TrialState.DIVERGED, None, reason))
            case WorkerDied(reason=reason, log=log):
                if number not in self._retried:  # once more, on a new worker: the first death may be an accident
                    self._retried.add(number)
                    job = self._going_on(number, self._store.reset_trial(number))
                    self._running[number] = self._store.optuna_trial(self._study, number)
                    self._executor.submit(job)
                    return False
                self._fail(number, f"{reason}, twice", log)
        return True

    def _fail(self, number: int, error: str, log: str) -> None:
        """End a trial with an error that says nothing about its setting."""
        stored = self._logs.keep(number, log)
        self._running[number].set_user_attr("traceback", stored)
        self._finish(number, Outcome(TrialState.FAILED, None, error))
        self._count_error(error, stored)

    def _report(self, event: EpochFinished) -> None:
        trial = self._running[event.number]
        self._store.add_epoch(event.number, event.record.to_json())
        if event.step is not None and event.value is not None:
            folds = self._folds.setdefault(event.number, [])
            folds.append(event.value)
            trial.report(event.value if self._spec.folds is None else self._pruner.after_folds(folds), event.step)
        if event.awaits_decision:
            self._executor.resume_or_prune(event.number, not trial.should_prune())

    def _finish(self, number: int, outcome: Outcome) -> None:
        trial = self._running.pop(number)
        del self._jobs[number]
        self._folds.pop(number, None)
        tell(self._study, trial, outcome)
        self._counts[TrialState.RUNNING] -= 1
        self._count_end(number, outcome.state, outcome.value, trial.params)

    def _count_end(self, number: int, state: TrialState, value: float | None, params: dict[str, Any]) -> None:
        self._counts[state] += 1
        self._since_best += state != TrialState.FAILED
        complete, better = state == TrialState.COMPLETE and value is not None, self._spec.objective.better
        if complete and (self._best is None or better(value, self._best[1])):
            self._best, self._since_best = (number, value, dict(params)), 0

    def _count_other(self, before: FrozenTrial | None, trial: FrozenTrial) -> None:
        """Take in what another process did to a trial."""
        if before is not None:
            self._counts[trial_state(before)[0]] -= 1
        state = trial_state(trial)[0]
        if trial.state.is_finished():
            self._count_end(trial.number, state, trial.value if state == TrialState.COMPLETE else None, trial.params)
        else:
            self._counts[state] += 1

    def _count_programs(self, traced: int, seconds: float) -> None:
        if traced:
            self._store.update_attr(PROGRAMS, lambda before: _with_programs(before, traced, seconds))

    def _keep_measured(self, measured: Mapping[str, StepTimes]) -> None:
        """What was measured first stays: all trials of a network are to be trained in the same way."""
        if measured:
            self._store.update_attr(STEP_TIMES, lambda before: {**measured, **(before or {})})

    def _count_error(self, error: str, traceback: str) -> None:
        self._errors = [*self._errors, error] if self._errors[-1:] in ([], [error]) else [error]
        if len(self._errors) >= MAX_IDENTICAL_FAILURES:
            step = "Mend it and run the same command again."
            if self._best is not None:  # a mended model file is another question
                step += " If that changes the model file, name the study anew with --fork NEW_NAME."
            raise RepeatedFailureError(
                f"{MAX_IDENTICAL_FAILURES} trials in a row failed with the same error: {error}\n\n"
                f"{traceback.rstrip()}\n\n{step}"
            )

    def _tally(self) -> None:
        """Count what the study already holds."""
        trials = self._study.get_trials(deepcopy=False)
        self._counts = dict.fromkeys(TrialState, 0)
        for trial in trials:
            self._counts[trial_state(trial)[0]] += 1
        best = find_best(trials, self._spec.objective)
        self._best = None if best is None else (best.number, float(best.value or 0.0), dict(best.params))
        last = -1 if best is None else best.number
        self._finished_before = finished_of(self._counts)
        self._failed_before = self._counts[TrialState.FAILED]
        told = ("COMPLETE", "PRUNED")
        self._since_best = sum(trial.state.name in told and trial.number > last for trial in trials)

    def _keep_wall(self) -> None:
        """Add the time since the last call: several processes add to the same number."""
        now = time.monotonic()
        passed, self._wall = now - self._wall, now
        self._store.update_attr(WALL_TIME, lambda before: round(float(before or 0.0) + passed, 3))

    def _planned(self) -> int | None:
        """How many trials there will be, as far as the budget or the space says."""
        begun = finished_of(self._counts) + self._counts[TrialState.RUNNING] + self._counts[TrialState.WAITING]
        budget, left = self._spec.budget.trials, self._asked.left
        ends = [] if budget is None else [budget + self._counts[TrialState.FAILED]]
        return int(min(ends + ([] if left == math.inf else [max(begun + left, 0)]), default=0)) or None

    def _tell_standing(self, note: str | None = None) -> None:
        self._show(
            Progress(
                metric=self._spec.metric,
                counts=dict(self._counts),
                best=self._best,
                elapsed_s=time.monotonic() - self._began,
                finished_before=self._finished_before,
                trials=self._planned(),
                time_s=self._spec.budget.time_s,
                note=note,
            )
        )


def _interrupted(running: int) -> str:
    what, they = ("1 running trial", "it is") if running == 1 else (f"{running} running trials", "they are")
    return f"Finishing {what}; press Ctrl-C again to stop at once ({they} run again next time)."


def _changed(event: GlobalStateChanged) -> str:
    what = ", ".join([*event.restored, *event.lasting])
    then = (
        "The worker is replaced after such a trial, which takes seconds"
        if event.lasting
        else "It is put back after each trial"
    )
    return f"The code of trial {event.number} changes {what} for its whole process. {then}: no other trial sees it."


def attrs_of(event: JobFinished) -> dict[str, Any]:
    """What is kept of how a trial was trained, as attributes of the trial."""
    attrs = {ENGINE: event.engine, FALLBACK_REASON: event.slower_as, DURATION: round(event.seconds, 3)}
    return {name: attr for name, attr in attrs.items() if attr is not None}


def about(spec: StudySpec) -> dict[str, Any]:
    """What a reader of the database should know of the study without its file."""
    return {
        "file": spec.file,
        "metric": spec.metric,
        "task": str(spec.facts.task),
        "source": spec.source,
        "facts": spec.facts.to_json(),
    }


def _with_programs(before: dict[str, Any] | None, traced: int, seconds: float) -> dict[str, Any]:
    before = before or {"traced": 0, "seconds": 0.0}
    return {"traced": before["traced"] + traced, "seconds": round(before["seconds"] + seconds, 3)}


def _with_warning(before: list[str] | None, text: str) -> list[str]:
    before = before or []
    return before if text in before or len(before) >= _MOST_WARNINGS else [*before, text]


def _seed(seed: int, trials: int, place: int) -> int:
    """Seed of the sampler: from the study's seed, how many trials there are, and who asks.

    Neither a run that goes on nor one beside it may draw again what another one draws.
    """
    text = f"sampler {seed} {trials}" + (f" {place}" if place else "")
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")

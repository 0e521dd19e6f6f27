"""Run a study: ask → train → report and prune → tell, until a budget is used up.

The only package that knows search, executors and storage together.  It trains nothing and never imports TensorFlow:
executors tell it what happened, the session stores it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import optuna

from tuner.catalog import TrialState
from tuner.engines import StepTimes
from tuner.errors import LeaseLostError, StorageError, StorageUnavailableError
from tuner.protocol import Executor, Job
from tuner.runner.budget import REOPENED_BY_FAILURE, Stopwatch
from tuner.runner.progress import Progress, startup_text
from tuner.runner.shutdown import ShutdownSignal
from tuner.runner.tracker_thread import TrackerThread
from tuner.runner.trial_events import RunningTrial, TrialEvents
from tuner.runner.trial_proposals import OpenStudy
from tuner.search import params_from_trial
from tuner.storage import (
    HEARTBEAT_INTERVAL_S,
    PATIENCE_S,
    STEP_TIMES,
    WALL_TIME,
    DashboardFinder,
    Database,
    RetryPolicy,
    StudySession,
)
from tuner.study import StudySpec, resolve_recipe
from tuner.text import tuner_command

MAX_TRIALS_PER_ASK = 32
"""Trials asked for before they are handed out: with 1,000 free workers the first would wait for all the others."""

_POLL_S = 0.2
_SHOW_S = 0.3
"""Interval at which the progress of the running trials is shown."""
_FLUSH_S = 1.0
_ASK_AGAIN_S = 1.0
"""Interval at which an idle run looks for trials that other processes have left."""

_ENDS_LATER = "the run ends when all is stored. Ctrl-C or SIGTERM ends it now, and what is not stored runs again"


class StudyRunner:
    """One run of a study.

    Args:
        spec: The study.
        database: Its database.
        executor: Where its trials are trained.
        show: Called with the progress whenever a trial begins or ends, and several times a second.
        patience_s: Seconds for which the database may be unavailable.
    """

    def __init__(
        self,
        spec: StudySpec,
        database: Database,
        executor: Executor,
        show: Callable[[Progress], None] = lambda progress: None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._spec, self._database, self._executor, self._show = spec, database, executor, show
        self._stopwatch = Stopwatch()
        self._retry = RetryPolicy(patience_s, self._notify)
        self._session: StudySession | None = None
        self._loop: _TrialLoop | None = None
        self._dashboard = DashboardFinder(database.url)
        self._tracking = TrackerThread(spec)

    def run(self) -> str:
        """Run until a budget is used up.

        Returns:
            Why it ended: "trials", "time", "target", "patience", "exhausted" or "interrupted".

        Raises:
            StudyChangedError: The study of this name has another setup.
            RepeatedFailureError: The same error of user code, `MAX_IDENTICAL_FAILURES` times in a row.
            StorageError: The database failed, and was unavailable for too long; what was finished before is kept.
            WorkerError: No worker can be started.
        """
        done = False
        try:
            loop = self._join()
            if self._database.note:
                self._notify(self._database.note)
            if not loop.is_done():
                self._notify(stage="starting the workers")
                self._executor.start()
                with ShutdownSignal() as shutdown:
                    self._run_loop(loop, shutdown)
            else:  # what earlier runs have finished
                self._notify()
            done = True
            return self._ending or "trials"
        finally:
            self._executor.close(at_once=not done or self._has_running)
            self._close_session(patient=done)
            self._tracking.close()
            for note in self._tracking.notes():
                self._notify(note)

    @property
    def _ending(self) -> str | None:
        return None if self._loop is None else self._loop.ending

    @property
    def _has_running(self) -> bool:
        return self._loop is not None and bool(self._loop.events.running)

    def _join(self) -> _TrialLoop:
        """Open a session of the study, and check that it has the same setup."""
        spec, database = self._spec, self._database
        session = self._session = self._retry.wait(lambda: StudySession(database, spec.name, spec.direction))
        study = self._retry.wait(lambda: OpenStudy(spec, session, self._stopwatch))
        self._loop = _TrialLoop(study, self._executor, self._retry, self._stopwatch, self._notify, self._tracking)
        return self._loop

    def _run_loop(self, loop: _TrialLoop, shutdown: ShutdownSignal) -> None:
        """Run trials; if other processes took this one for dead, join the study again as a new process would."""
        while True:
            try:
                loop.run(shutdown)
                return
            except LeaseLostError:
                for number in loop.events.running:
                    self._executor.cancel(number)
                loop.study.session.close(written=False)
                loop = self._join()
                self._notify(
                    "Another process has taken over the trials that ran here, as it had seen no heartbeat. "
                    "Continuing with others."
                )

    def _close_session(self, *, patient: bool) -> None:
        """Release what still runs.  After a failed run, an error of the database does not hide that failure."""
        if self._session is None:
            return
        try:
            if patient:
                self._retry.wait(self._session.close, _ENDS_LATER, retry_on=StorageUnavailableError)
            else:
                self._session.close()
        except StorageError:
            if patient:
                raise

    def _notify(self, note: str | None = None, stage: str | None = None) -> None:
        dashboard = self._dashboard.address()
        if self._loop is not None:
            stage = startup_text(self._executor.starting_workers()) or stage
            self._show(replace(self._loop.progress(), note=note, stage=stage, dashboard=dashboard))
        elif note is not None:
            budget, elapsed_s = self._spec.budget, self._stopwatch.elapsed_s
            self._show(Progress.at_start(self._spec.metric, budget.trials, budget.time_s, elapsed_s, note))


class _TrialLoop:
    """Keeps the workers busy with trials of a study, as long as this process has its lease.

    Attributes:
        study: The study.
        events: Handles what the executor tells.
        ending: The budget that is used up, or "interrupted"; None while the loop runs.
    """

    def __init__(
        self,
        study: OpenStudy,
        executor: Executor,
        retry: RetryPolicy,
        stopwatch: Stopwatch,
        notify: Callable[[str | None], None],
        tracking: TrackerThread,
    ) -> None:
        self.study, self._session, self._spec = study, study.session, study.spec
        self._executor, self._retry, self._stopwatch, self._notify = executor, retry, stopwatch, notify
        self.events = TrialEvents(study, executor, notify, tracking)
        self.ending: str | None = study.budget.exhausted()
        self._ask_at = 0.0

    def run(self, shutdown: ShutdownSignal) -> None:
        """Run trials until a budget is used up, or the run is interrupted."""
        flushed = synced = shown = time.monotonic()
        ended = False
        while True:
            level = max(shutdown.level, self._session.stop_level)
            if level and self.ending != "interrupted":
                self.ending = "interrupted"
                if level == 1 and self.events.running:
                    self._notify(self._interruption_text(by_signal=shutdown.level > 0))
            if level > 1:
                return
            submitted = self._submit_trials()
            if submitted or ended or time.monotonic() - shown > _SHOW_S:
                self._notify(None)
                shown = time.monotonic()
            if self.is_done():
                return
            events = self._executor.poll(timeout_s=0.0 if self._can_ask() else _POLL_S)
            ended = sum(self.events.handle(event) for event in events) > 0
            now = time.monotonic()
            if ended:
                self._ask_at = now
                if self.ending in REOPENED_BY_FAILURE:  # a failed trial is replaced
                    self.ending = None
            if (ended and not self._can_ask()) or now - flushed > _FLUSH_S:
                self._record_wall_time()
                self._retry.attempt(self._session.flush)
                flushed = now
            if now - synced > HEARTBEAT_INTERVAL_S:
                self._retry.attempt(self._session.sync)
                synced = now
            if not self.events.running and not events:
                time.sleep(_POLL_S)

    def progress(self) -> Progress:
        """Return the progress of the study, and of each running trial."""
        budget, folds = self.study.budget, self._spec.folds or 1
        running = tuple(one.progress(folds) for one in self.events.running.values())
        found = budget.progress()
        left_s = self.events.time_left.estimate(found.elapsed_s, found.finished, found.trials, running)
        return replace(found, running=running, trials_left_s=left_s)

    def is_done(self) -> bool:
        """Return whether nothing is left to do; trials of other processes may come back if these fail or die."""
        if self.ending is None or self.events.running:
            return False
        if self.ending == "interrupted" and not self.study.budget.counts[TrialState.RUNNING]:
            self.ending = self.study.budget.exhausted() or "interrupted"  # what ran may have been the rest
            return True
        if self.ending in REOPENED_BY_FAILURE:
            if self.study.budget.counts[TrialState.RUNNING]:
                return False
            self.ending = self.study.budget.exhausted()  # trials of a dead process may have come back
        return self.ending is not None

    def _can_ask(self) -> bool:
        """Return whether trials are wanted now."""
        if not self.events.running and self.ending in REOPENED_BY_FAILURE:
            self.ending = None  # others run the rest: one of theirs may have failed
        return self.ending is None and time.monotonic() >= self._ask_at and self._executor.free_slots() > 0

    def _submit_trials(self) -> bool:
        """Claim trials for the free workers, ask for their parameters, submit them; return whether there was one."""
        if not self._can_ask():
            return False
        self._record_wall_time()
        numbers = self._retry.attempt(lambda: self._session.claim_trials(self._requested_trials))
        if not numbers:
            self._ask_at = time.monotonic() + _ASK_AGAIN_S
            return False
        stored = self._session.user_attrs.get(STEP_TIMES, {})
        step_times: Mapping[str, StepTimes] = {network: (times[0], times[1]) for network, times in stored.items()}
        asked = {number: self.study.ask(number) for number in numbers}
        jobs: list[Job] = []

        def make_jobs() -> None:
            for number, (trial, fresh) in asked.items():
                # Others may have asked for the same setting meanwhile.
                replaced = self.study.replace_setting(number) if fresh else None
                jobs.append(self._make_job(number, replaced or trial, step_times))

        # Number and parameters are stored before the training begins.
        self._retry.attempt(lambda: self._session.sync(make_jobs))
        if not jobs:
            make_jobs()
        for job in jobs:
            self._executor.submit(job)
        return True

    def _requested_trials(self, waiting: int) -> list[dict[str, Any]]:
        """Return the fixed parameters of each trial that the budget has room for; waiting ones come first."""
        fixed: list[dict[str, Any]] = []
        while len(fixed) < min(self._executor.free_slots(), MAX_TRIALS_PER_ASK):
            self.ending = self.study.budget.exhausted(more=len(fixed))
            if self.ending is not None:
                break
            fixed.append({} if len(fixed) < waiting else self.study.fixed_params(len(fixed) - waiting))
        return fixed

    def _make_job(self, number: int, trial: optuna.Trial, step_times: Mapping[str, StepTimes]) -> Job:
        recipe = resolve_recipe(self._spec, params_from_trial(trial, self._spec.space), number).to_json()
        self._session.add_recipe(number, recipe)
        running = RunningTrial(trial, Job(number, recipe, self.study.rungs, measured=step_times))
        self.events.begin(running)
        return running.resume_job(self._session.checkpoint(number))

    def _interruption_text(self, *, by_signal: bool) -> str:
        running = len(self.events.running)
        what, they = ("1 running trial", "it is") if running == 1 else (f"{running} running trials", "they are")
        if by_signal:
            return f"Finishing {what}; press Ctrl-C again to stop at once ({they} run again next time)."
        command = tuner_command("stop", self._spec.name, "--now")
        return f"Stopping as asked: finishing {what}; `{command}` stops at once ({they} run again next time)."

    def _record_wall_time(self) -> None:
        """Add the time since the last call: several processes add to the same number."""
        passed_s = self._stopwatch.lap_s()
        self._session.update_attr(WALL_TIME, lambda before: round(float(before or 0.0) + passed_s, 3))

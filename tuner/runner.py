"""Run a study: ask → train → report and prune → tell, until a budget is used up.

The only module that knows search, executors and storage together.  It trains nothing and never imports
TensorFlow: executors tell it what happened, the store keeps it.
"""

from __future__ import annotations

import hashlib
import math
import time
import warnings
from collections.abc import Callable
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from tuner.errors import RepeatedFailureError, StudyChangedError
from tuner.executors import Ended, EpochDone, Event, Executor, Job, Lost, Raised
from tuner.interrupts import Interrupts
from tuner.search import PRUNERS, SAMPLERS, Outcome, best_of, starts, state_of, suggest, tell
from tuner.spec import StudySpec, difference, fingerprint, recipe_for
from tuner.standing import STATES, Standing, finished_of
from tuner.storage import SEEN_EVERY_S, Database, StudyStore

FINGERPRINT = "tuner:fingerprint"
WALL = "tuner:wall_s"
PROGRAMS = "tuner:programs"
ABOUT = "tuner:about"
ENGINE = "engine"
"""Attribute of a trial: the engine that trained it."""
SAME_ERRORS = 3
"""The same error of user code this often in a row ends the study."""

_POLL_S = 0.2
_FLUSH_S = 1.0


class StudyRun:
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
        show: Callable[[Standing], None] = lambda standing: None,
    ) -> None:
        self._spec, self._database, self._executor, self._show = spec, database, executor, show
        self._running: dict[int, optuna.Trial] = {}
        self._jobs: dict[int, Job] = {}
        self._folds: dict[int, list[float]] = {}
        self._retried: set[int] = set()
        self._errors: list[str] = []
        self._ending: str | None = None

    def run(self) -> str:
        """Run until a budget is used up.

        Returns:
            Why it ended: "trials", "time", "target", "patience", "exhausted" or "interrupted".

        Raises:
            StudyBusyError: Another process runs this study.
            StudyChangedError: The study of this name asks another question.
            RepeatedFailureError: The same error of user code, `SAME_ERRORS` times in a row.
            StorageError: The database failed; what was finished is kept.
            WorkerError: No worker can be started.
        """
        self._began = time.monotonic()
        self._store = StudyStore(self._database, self._spec.name, self._spec.direction)
        done = False
        try:
            self._open()
            self._ending = self._used_up()
            if self._ending is None:
                self._executor.start()
                with Interrupts() as interrupts:
                    self._loop(interrupts)
            done = True
            return self._ending or "trials"
        finally:
            self._executor.close(at_once=not done or bool(self._running))
            try:
                self._store.requeue(list(self._running))
            finally:
                self._store.close()

    def _open(self) -> None:
        """Check that the question is the same, and make ready to ask."""
        spec = self._spec
        self._study = self._store.study()
        self._check_question(fingerprint(spec))
        trials = self._study.get_trials(deepcopy=False)
        sampler, pruner = SAMPLERS[spec.sampler.name], PRUNERS[spec.pruner.name]
        self._settings = sampler.settings(spec.space) or math.inf
        self._study.sampler = sampler.build(
            _seed(spec.seed, len(trials)), spec.space, spec.budget.trials, **spec.sampler.options
        )
        self._pruner = pruner
        self._study.pruner = pruner.build(spec.steps, spec.folds is not None, **spec.pruner.options)
        self._rungs = pruner.rungs(spec.steps, **spec.pruner.options)
        self._wall_before = float(self._study.user_attrs.get(WALL, 0.0))
        self._programs = dict(self._study.user_attrs.get(PROGRAMS, {"traced": 0, "seconds": 0.0}))
        self._starts = starts(spec.space, spec.facts.task) if spec.starts else []
        if math.isfinite(self._settings):
            self._queue_failed(trials)
        self._tally()
        self._store.flush()

    def _check_question(self, now: dict[str, Any]) -> None:
        """Refuse to mix the trials of two questions in one study; keep the question of a new one."""
        spec, study = self._spec, self._study
        before = study.user_attrs.get(FINGERPRINT)
        trials = study.get_trials(deepcopy=False)
        if before is None and trials:
            raise StudyChangedError(
                f"A study {spec.name!r} is in the database, but was not made by keras-studies. "
                f"Run {spec.file} under another name: --fork NEW_NAME."
            )
        changed = [] if before is None else difference(before, now)
        if changed and any(trial.state.name in ("COMPLETE", "PRUNED") for trial in trials):
            lines = "\n".join(f"  {line}" for line in changed)
            raise StudyChangedError(
                f"A study holds the trials of one question, but {spec.file} has changed since {spec.name!r} was "
                f"started:\n{lines}\nRun it under another name with --fork NEW_NAME, or take the change back. "
                "Budgets (other than epochs), sampler and pruner may change freely."
            )
        if changed:  # nothing was learnt yet; but what waits has parameters of the old question
            for trial in trials:
                if not trial.state.is_finished():
                    self._store.memory.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
                    tell(study, trial.number, Outcome("failed", None, "the study was changed before it ran"))
        if before != now:
            study.set_user_attr(FINGERPRINT, now)
            study.set_user_attr(ABOUT, about(spec))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                study.set_metric_names([spec.metric])  # what optuna-dashboard calls the objective

    def _queue_failed(self, trials: list[FrozenTrial]) -> None:
        """Queue again the settings of a finite space that only failed so far: what failed may have been mended."""
        done = [trial.params for trial in trials if trial.state != TrialState.FAIL]
        for trial in trials:
            if trial.state == TrialState.FAIL and trial.params and trial.params not in done:
                done.append(trial.params)
                self._study.enqueue_trial(trial.params)

    def _loop(self, interrupts: Interrupts) -> None:
        flushed = renewed = time.monotonic()
        ended = False
        while True:
            if interrupts.count and self._ending != "interrupted":
                self._ending = "interrupted"
                if interrupts.count == 1 and self._running:
                    self._tell_standing(_interrupted(len(self._running)))
            if interrupts.count > 1:
                return
            asked = self._fill()
            if asked or ended:
                self._tell_standing()
            if not self._running:
                self._ending = self._ending or self._used_up()
                return
            events = self._executor.events(timeout_s=_POLL_S)
            ended = sum(self._handle(event) for event in events) > 0
            now = time.monotonic()
            if ended or now - flushed > _FLUSH_S:
                self._keep_wall()
                self._store.flush()
                flushed = now
            if now - renewed > SEEN_EVERY_S:
                self._store.keep_alive()
                renewed = now

    def _fill(self) -> bool:
        """Ask and hand out as many trials as there is room for; whether there was one."""
        asked: list[Job] = []
        while self._executor.free() > len(asked) and self._ending is None:
            self._ending = self._used_up()
            if self._ending is None:
                asked.append(self._ask())
        if asked:
            self._store.flush()  # number and parameters are safe before the training begins
            for job in asked:
                self._executor.submit(job)
        return bool(asked)

    def _ask(self) -> Job:
        begun = sum(self._counts.values())
        if begun < len(self._starts) and not self._counts["waiting"]:
            self._study.enqueue_trial(self._starts[begun])  # which is asked next
            self._counts["waiting"] += 1
        trial = self._study.ask()
        values = suggest(trial, self._spec.space)
        recipe = recipe_for(self._spec, values, trial.number).to_json()
        self._store.add_recipe(trial.number, recipe)
        self._running[trial.number] = trial
        job = self._jobs[trial.number] = Job(trial.number, recipe, self._rungs)
        self._counts["running"] += 1
        self._counts["waiting"] = max(0, self._counts["waiting"] - 1)
        return job

    def _used_up(self) -> str | None:
        """The budget that is used up, if one is."""
        budget = self._spec.budget
        failed = self._counts["failed"]  # says nothing about a setting, and uses up no budget
        begun = finished_of(self._counts) - failed + len(self._running)
        if budget.trials is not None and max(begun, failed - self._failed_before) >= budget.trials:
            return "trials"
        if budget.time_s is not None and time.monotonic() - self._began >= budget.time_s:
            return "time"
        if self._best is not None:
            better = 1 if self._spec.direction == "maximize" else -1
            if budget.target is not None and better * self._best[1] >= better * budget.target:
                return "target"
        if budget.patience is not None and self._since_best >= budget.patience:
            return "patience"
        return "exhausted" if begun + failed - self._failed_before >= self._settings else None

    def _handle(self, event: Event) -> bool:
        """Take in one event; whether a trial has ended with it."""
        number = event.number
        if number not in self._running:
            return False
        match event:
            case EpochDone():
                self._report(event)
                return False
            case Ended(training=training, seconds=seconds, programs=(traced, tracing_s), engine=engine):
                self._errors.clear()
                self._count_programs(traced, tracing_s)
                if engine is not None:
                    self._running[number].set_user_attr(ENGINE, engine)
                self._running[number].set_user_attr("duration_s", round(seconds, 3))
                state, value, reason = training.state, training.value, training.reason
                if state == "complete" and (value is None or not math.isfinite(value)):
                    state, value, reason = "diverged", None, f"the objective is {value} after the last epoch"
                self._store.add_verdicts(number, [finding.to_json() for finding in training.findings])
                self._finish(number, Outcome(state, value if state == "complete" else None, reason))
            case Raised(error=error, traceback=traceback):
                self._running[number].set_user_attr("traceback", traceback)
                self._finish(number, Outcome("failed", None, error))
                self._count_error(error, traceback)
            case Lost(reason=reason, log=log):
                if number not in self._retried:  # once more, on a new worker: the first death may be an accident
                    self._retried.add(number)
                    self._folds.pop(number, None)
                    self._running[number] = optuna.Trial(self._study, self._store.restart(number))
                    self._executor.submit(self._jobs[number])
                    return False
                self._running[number].set_user_attr("traceback", log)
                self._finish(number, Outcome("failed", None, f"{reason}, twice"))
                self._count_error(f"{reason}, twice", log)
        return True

    def _report(self, event: EpochDone) -> None:
        trial = self._running[event.number]
        self._store.add_epoch(event.number, event.record.to_json())
        if event.step is not None and event.value is not None:
            folds = self._folds.setdefault(event.number, [])
            folds.append(event.value)
            trial.report(event.value if self._spec.folds is None else self._pruner.after_folds(folds), event.step)
        if event.waits:
            self._executor.answer(event.number, not trial.should_prune())

    def _finish(self, number: int, outcome: Outcome) -> None:
        trial = self._running.pop(number)
        del self._jobs[number]
        self._folds.pop(number, None)
        tell(self._study, trial, outcome)
        self._counts["running"] -= 1
        self._counts[outcome.state] += 1
        self._since_best += outcome.state != "failed"
        if outcome.state == "complete" and outcome.value is not None:
            better = 1 if self._spec.direction == "maximize" else -1
            if self._best is None or better * outcome.value > better * self._best[1]:
                self._best, self._since_best = (number, outcome.value, dict(trial.params)), 0

    def _count_programs(self, traced: int, seconds: float) -> None:
        if traced:
            before = self._programs
            self._programs = {
                "traced": before["traced"] + traced,
                "seconds": round(before["seconds"] + seconds, 3),
            }
            self._study.set_user_attr(PROGRAMS, self._programs)

    def _count_error(self, error: str, traceback: str) -> None:
        self._errors = [*self._errors, error] if self._errors[-1:] in ([], [error]) else [error]
        if len(self._errors) >= SAME_ERRORS:
            step = "Mend it and run the same command again."
            if self._best is not None:  # a mended model file is another question
                step += " If that changes the model file, name the study anew with --fork NEW_NAME."
            raise RepeatedFailureError(
                f"{SAME_ERRORS} trials in a row failed with the same error: {error}\n\n{traceback.rstrip()}\n\n{step}"
            )

    def _tally(self) -> None:
        """Count what the study already holds."""
        trials = self._study.get_trials(deepcopy=False)
        self._counts = dict.fromkeys(STATES, 0)
        for trial in trials:
            self._counts[state_of(trial)[0]] += 1
        best = best_of(trials, self._spec.direction)
        self._best = None if best is None else (best.number, float(best.value or 0.0), dict(best.params))
        last = -1 if best is None else best.number
        self._finished_before = finished_of(self._counts)
        self._failed_before = self._counts["failed"]
        told = ("COMPLETE", "PRUNED")
        self._since_best = sum(trial.state.name in told and trial.number > last for trial in trials)

    def _keep_wall(self) -> None:
        elapsed = time.monotonic() - self._began
        self._study.set_user_attr(WALL, round(self._wall_before + elapsed, 3))

    def _tell_standing(self, note: str | None = None) -> None:
        budget = self._spec.budget
        self._show(
            Standing(
                metric=self._spec.metric,
                counts=dict(self._counts),
                best=self._best,
                elapsed_s=time.monotonic() - self._began,
                finished_before=self._finished_before,
                trials=None
                if budget.trials is None
                else int(min(budget.trials, self._settings) + self._counts["failed"]),
                time_s=budget.time_s,
                note=note,
            )
        )


def _interrupted(running: int) -> str:
    what, they = ("1 running trial", "it is") if running == 1 else (f"{running} running trials", "they are")
    return f"Finishing {what}; press Ctrl-C again to stop at once ({they} run again next time)."


def about(spec: StudySpec) -> dict[str, Any]:
    """What a reader of the database should know of the study without its file."""
    return {
        "file": spec.file,
        "metric": spec.metric,
        "task": str(spec.facts.task),
        "source": spec.source,
        "facts": spec.facts.to_json(),
    }


def _seed(seed: int, trials: int) -> int:
    """Seed of the sampler: from the study's seed and how many trials there are.

    A run that goes on must not draw again what the first run has drawn.
    """
    return int.from_bytes(hashlib.sha256(f"sampler {seed} {trials}".encode()).digest()[:4], "big")

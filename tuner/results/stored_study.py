"""A study as read from a database, with the counts and texts derived from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tuner.catalog import Objective, TrialState
from tuner.errors import NoBestTrialError, UsageError, shown
from tuner.health import Finding
from tuner.results.trial_numbers import trial_number
from tuner.search import StoredTrial, find_best, setting_key, trial_state
from tuner.storage import Database, StudyRecord, epochs_run, read_study_outlines, read_study_record, read_verdicts
from tuner.text import count, one_line, tuner_command

_STATE_TEXTS = {
    TrialState.COMPLETE: "has no value",
    TrialState.PRUNED: "was pruned",
    TrialState.DIVERGED: "has diverged",
    TrialState.FAILED: "has failed",
    TrialState.RUNNING: "is running",
    TrialState.WAITING: "is waiting",
}


@dataclass(frozen=True)
class StoredStudy:
    """A study, read from a database.

    Attributes:
        database: The database.
        record: Its trials and attributes.
        epochs: Epochs trained, by Optuna's trial id.
        findings: Findings about the health of each trial, by Optuna's trial id; the verdict first.
    """

    database: Database
    record: StudyRecord
    epochs: dict[int, int]
    findings: dict[int, list[Finding]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return one_line(f"<StoredStudy {self.record.name}: {count(len(self.record.trials), 'trial')}>")

    @property
    def metric(self) -> str | None:
        """Name of the objective, or None for a study that plain Optuna made."""
        return self.record.attrs.info.metric

    @property
    def objective(self) -> Objective:
        """Metric and direction; the metric is called "objective" if plain Optuna made the study."""
        return Objective(self.metric or "objective", self.record.direction)

    def trial(self, number: int) -> StoredTrial:
        """Return the trial of this number.

        Raises:
            UsageError: There is none, or it is not a whole number.
        """
        number = trial_number(number)
        trials, name = self.record.trials, self.record.name
        if 0 <= number < len(trials):
            return trials[number]
        known = f"the trials 0 to {len(trials) - 1}" if trials else "no trials"
        show = tuner_command("show", name)
        raise UsageError(f"The study {name!r} has {known}, but got {shown(number)}. `{show}` lists them.")

    def complete_trial(self, number: int) -> StoredTrial:
        """Return the trial of this number, which must be complete.

        Raises:
            UsageError: There is none.
            NoBestTrialError: It is not complete.
        """
        trial = self.trial(number)
        state, _ = self.trial_state(trial)
        if state != TrialState.COMPLETE or trial.value is None:
            what = f"trial {trial.number} of {self.record.name!r} {_STATE_TEXTS[state]}"
            raise NoBestTrialError(
                f"Only a complete trial can be used, but {what}. "
                f"`{tuner_command('show', self.record.name, '--state', 'complete')}` lists those that can be."
            )
        return trial

    def trial_state(self, trial: StoredTrial) -> tuple[TrialState, str | None]:
        """Return the state of a trial and the reason; what a dead process has left running is waiting."""
        state, reason = trial_state(trial)
        if state == TrialState.RUNNING and not self.record.alive:
            return TrialState.WAITING, "interrupted; it runs again when the study is resumed"
        return state, reason

    def trial_health(self, trial: StoredTrial) -> list[Finding]:
        """Return what was found of the health of a trial, the verdict first; nothing if it was not measured."""
        return self.findings.get(trial.trial_id, [])

    def trial_verdict(self, trial: StoredTrial) -> str | None:
        """Return the verdict on the health of a trial, or None if it was not measured."""
        return next((finding.verdict for finding in self.trial_health(trial)), None)

    def trial_verdicts(self, trials: Iterable[StoredTrial]) -> dict[str, int]:
        """Count the trials with each verdict, most common first, without those that were not measured."""
        found = Counter(verdict for trial in trials if (verdict := self.trial_verdict(trial)) is not None)
        return dict(found.most_common())

    @property
    def trained_settings(self) -> int:
        """Number of different settings of its complete and pruned trials."""
        ended = [trial for trial in self.record.trials if trial.state.name in ("COMPLETE", "PRUNED")]
        return len({setting_key(trial) for trial in ended})

    @property
    def coverage(self) -> str | None:
        """The trained part of a finite space, as a clause: "all 12 settings have been trained"."""
        total, trained = self.record.attrs.settings, self.trained_settings
        if total is None:
            return None
        if trained < total:
            return f"{trained:,} of {count(total, 'setting')} {'has' if trained == 1 else 'have'} been trained"
        return "the only setting has been trained" if total == 1 else f"all {total:,} settings have been trained"

    @property
    def next_step(self) -> str:
        """What to do while it has no complete trial, as a sentence."""
        show = f"`{tuner_command('show', self.record.name)}`"
        if self.record.alive:
            return f"It is running: wait for one; {show} says how far it is."
        if any(self.trial_state(trial)[0].is_finished for trial in self.record.trials):
            return f"{show} gives the reasons; `tuner run FILE` resumes it, with more --trials if it has had all."
        return "`tuner run FILE` resumes it."


def read_study_results(database: Database, name: str) -> StoredStudy:
    """Read the study of this name.

    Raises:
        StudyNotFoundError: It does not exist; the message names the nearest.
    """
    record = read_study_record(database, name)
    study_id = record.study_id
    return StoredStudy(database, record, epochs_run(database, study_id), read_verdicts(database, study_id))


def list_studies(database: Database) -> list[dict[str, Any]]:
    """List every study of a database, one row each.

    Returns:
        `[{"study", "metric", "direction", "counts", "best", "wall_s"}]`; `counts` by state, `best` is
        `{"trial", "value"}` or None.
    """
    return [_row(outline) for outline in read_outlines(database)]


def read_outlines(database: Database) -> list[StoredStudy]:
    """Read every study with one objective, sorted by name; of its trials only states, values and outcomes."""
    return [StoredStudy(database, record, {}) for record in read_study_outlines(database)]


def _row(study: StoredStudy) -> dict[str, Any]:
    record = study.record
    counts = Counter(study.trial_state(trial)[0] for trial in record.trials)
    best = find_best(record.trials, study.objective)
    return {
        "study": record.name,
        "metric": study.metric,
        "direction": record.direction,
        "counts": {state: counts[state] for state in TrialState},
        "best": None if best is None else {"trial": best.number, "value": best.value},
        "wall_s": record.attrs.wall_s,
    }

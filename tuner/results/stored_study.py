"""Find a study by its name and read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from optuna.trial import FrozenTrial

from tuner.catalog import Objective, TrialState
from tuner.search import find_best, setting_key, trial_state
from tuner.storage import Database, StudyRecord, epochs_run, read_study_record, read_verdicts, study_names
from tuner.text import count


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
    findings: dict[int, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def metric(self) -> str | None:
        """Name of the objective, or None for a study that plain Optuna made."""
        metric = self.record.attrs.get("tuner:about", {}).get("metric")
        return None if metric is None else str(metric)

    @property
    def objective(self) -> Objective:
        """What the study optimizes; its metric is called "objective" if plain Optuna made it."""
        return Objective(self.metric or "objective", self.record.direction)

    @property
    def warnings(self) -> list[str]:
        """What its workers have warned of: one sentence each."""
        return [str(text) for text in self.record.attrs.get("tuner:warnings", [])]

    def trial_state(self, trial: FrozenTrial) -> tuple[TrialState, str | None]:
        """State of a trial and the reason; what a dead process has left running is waiting."""
        state, reason = trial_state(trial)
        if state == TrialState.RUNNING and not self.record.alive:
            return TrialState.WAITING, "interrupted; it runs again when the study goes on"
        return state, reason

    def trial_health(self, trial: FrozenTrial) -> list[dict[str, Any]]:
        """What was found of the health of a trial, the verdict first; nothing for one that was not measured."""
        return self.findings.get(trial._trial_id, [])

    def trial_verdict(self, trial: FrozenTrial) -> str | None:
        """The verdict on the health of a trial; None where it was not measured."""
        return next((finding["verdict"] for finding in self.trial_health(trial)), None)

    def trial_verdicts(self, trials: Iterable[FrozenTrial]) -> dict[str, int]:
        """How many of the trials have each verdict, the commonest first; those that were not measured are left out."""
        found = Counter(verdict for trial in trials if (verdict := self.trial_verdict(trial)) is not None)
        return dict(found.most_common())

    @property
    def programs(self) -> dict[str, Any]:
        """Programs that the compiled engine made in all its runs: `{"traced", "seconds"}`."""
        return dict(self.record.attrs.get("tuner:programs", {"traced": 0, "seconds": 0.0}))

    @property
    def settings(self) -> int | None:
        """How many settings its space has; None if that is not known, or there are too many to try them all."""
        return self.record.attrs.get("tuner:settings")

    @property
    def trained_settings(self) -> int:
        """How many different settings its trials had, without those that only failed or have not ended."""
        ended = [trial for trial in self.record.trials if trial.state.name in ("COMPLETE", "PRUNED")]
        return len({setting_key(trial) for trial in ended})

    @property
    def coverage(self) -> str | None:
        """How much of a finite space was trained, as a clause: "all 12 settings have been trained"."""
        total, trained = self.settings, self.trained_settings
        if total is None:
            return None
        if trained < total:
            return f"{trained:,} of {count(total, 'setting')} {'has' if trained == 1 else 'have'} been trained"
        return "the only setting has been trained" if total == 1 else f"all {total:,} settings have been trained"

    @property
    def wall_s(self) -> float:
        """Wall time of all its runs together, in seconds."""
        return float(self.record.attrs.get("tuner:wall_s", 0.0))


def read_study_results(database: Database, name: str) -> StoredStudy:
    """The study of this name.

    Raises:
        StudyNotFoundError: There is none; the message names the nearest.
    """
    record = read_study_record(database, name)
    study_id = record.study_id
    return StoredStudy(database, record, epochs_run(database, study_id), read_verdicts(database, study_id))


def list_studies(database: Database) -> list[dict[str, Any]]:
    """Every study of a database, one row each.

    Returns:
        `[{"study", "metric", "direction", "counts", "best", "wall_s"}]`; `counts` by state, `best` is
        `{"trial", "value"}` or None.
    """
    return [_row(read_study_results(database, name)) for name in study_names(database)]


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
        "wall_s": study.wall_s,
    }

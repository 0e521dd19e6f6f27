"""The studies of a database, a row each: what the first page of the dashboard shows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from tuner.catalog import TrialState
from tuner.report import table
from tuner.results import StoredStudy, read_outlines
from tuner.search import find_best
from tuner.storage import Database, read_last_changes
from tuner.text import Html, count, element, listed_counts, number

_HEADER = ("study", "best", "metric", "trials", "state", "last change")


@dataclass(frozen=True)
class ListedStudy:
    """A row of the list.

    Attributes:
        study_id: Optuna's id.
        name: Its name.
        metric: Name of the objective; None for a study of plain Optuna, or with several.
        best: Value of the best complete trial.
        counts: Trials by state, without zeros; None if the study has several objectives.
        alive: Whether a process runs it.
        changed: When a trial began or ended last.
    """

    study_id: int
    name: str
    metric: str | None
    best: float | None
    counts: dict[str, int] | None
    alive: bool
    changed: datetime | None

    @property
    def address(self) -> str:
        """Its page; optuna-dashboard's if it has several objectives."""
        return f"/dashboard/studies/{self.study_id}" if self.counts is None else f"/studies/{self.study_id}"

    @property
    def state(self) -> str:
        """What happens with it."""
        if self.counts is None:
            return "several objectives"
        if self.alive:
            return "running"
        if self.counts.get(TrialState.WAITING):
            return "interrupted"
        return "idle" if self.counts else "empty"


def read_list(database: Database) -> list[ListedStudy]:
    """Read all studies, those that changed last first."""
    changes = read_last_changes(database)
    found = [_listed(outline, changes) for outline in read_outlines(database)]
    known = {row.study_id for row in found}
    others = [study for study in database.optuna.get_all_studies() if study._study_id not in known]
    found += [
        ListedStudy(study._study_id, study.study_name, None, None, None, False, changes.get(study._study_id))
        for study in others
    ]
    return sorted(found, key=lambda row: (row.changed.timestamp() if row.changed else 0.0, row.study_id), reverse=True)


def _listed(outline: StoredStudy, changes: dict[int, datetime]) -> ListedStudy:
    record = outline.record
    counts = Counter(outline.trial_state(trial)[0] for trial in record.trials)
    best = find_best(record.trials, outline.objective)
    return ListedStudy(
        record.study_id,
        record.name,
        outline.metric,
        None if best is None else best.value,
        {state.value: counts[state] for state in TrialState if counts[state]},
        record.alive,
        changes.get(record.study_id),
    )


def list_table(rows: list[ListedStudy]) -> Html:
    """Return the list as a table that can be sorted."""
    if not rows:
        return element("p", "The database holds no study yet.")
    return table(
        f"{count(len(rows), 'study', 'studies')}. Click a column name to sort.",
        _HEADER,
        [_cells(row) for row in rows],
        numbers=(1,),
        sortable=True,
    )


def _cells(row: ListedStudy) -> list[Html | str]:
    total = sum((row.counts or {}).values())
    trials = f"{total:,}: {listed_counts(row.counts)}" if row.counts else "–" if row.counts is None else "0"
    return [
        element("a", row.name, href=row.address),
        element("data", number(row.best), value=row.best),
        row.metric or "–",
        element("data", trials, value=total),
        element("span", row.state, class_="running" if row.alive else None),
        f"{row.changed:%Y-%m-%d %H:%M}" if row.changed else "–",
    ]

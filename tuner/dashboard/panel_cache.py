"""What our pages show of studies and trials, and our additions to optuna-dashboard: notes and files.

They are generated from the database when a page requests them, and never stored: they exist for old databases, stay
current while a study runs, and keep the dashboard read-only.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from tuner.dashboard.cached_database import CachedDatabase
from tuner.dashboard.trial_artifacts import FILES, PICTURE, file_id, study_csv
from tuner.errors import StorageError, UsageError
from tuner.optuna_internals import METRIC_NAMES
from tuner.report import StudyView, TrialView, is_best, load_view, study_body, study_note, trial_note
from tuner.results import read_study_results
from tuner.storage import PRIVATE_PREFIX, read_recipes, storage_errors
from tuner.text import Html, element

PATIENCE_S = 1.5
"""Time that a page waits for plots.  Those of 1,000 trials take longer, and the page asks again."""

_FRESH_S = 1.0
REDRAW_BACKOFF = 4.0
"""Pause after drawing, in multiples of its duration: a running study always has news."""

_log = logging.getLogger(__name__)


@dataclass
class _RenderedPanels:
    """Note and page of a study, and the state of the study that they show; no page if it cannot be drawn."""

    state: tuple[int, ...]
    note: str
    body: Html | None
    next_at: float = 0.0


@dataclass
class _StudyPanels:
    """The cached state of a study."""

    name: str
    results: StudyView
    read_at: float
    recipes: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    notes: dict[tuple[int, bool], str] = field(default_factory=dict)
    by_id: dict[int, TrialView] = field(default_factory=dict)
    drawn: _RenderedPanels | None = None
    drawing: threading.Event | None = None


class Panels:
    """Pages, notes and files of all studies of a database.

    Args:
        database: Read, never written.
    """

    def __init__(self, database: CachedDatabase) -> None:
        self._database = database
        self._views: dict[int, _StudyPanels] = {}
        self._lock = threading.Lock()

    def add_to(self, study_id: int, detail: dict[str, Any]) -> None:
        """Add notes and files to optuna-dashboard's description of a study.

        Internal attributes of the study are removed: the note says the same for people.  A study with several
        objectives is left unchanged.

        Args:
            study_id: Optuna's id.
            detail: The answer to `/api/studies/<study_id>`.
        """
        view = self._view(study_id)
        if view is None:
            return
        self._read_recipes(view)
        attributes = detail.get("user_attrs", [])
        detail["user_attrs"] = [each for each in attributes if not each["key"].startswith(PRIVATE_PREFIX)]
        # Trials before the note: the page waits for them, and drawing uses the same processor.
        for trial in [*detail.get("trials", []), *detail.get("best_trials", [])]:
            seen = view.by_id.get(trial["trial_id"])
            if seen is not None:
                _put_before(trial, self._note(study_id, view, seen))
                trial["artifacts"] = [*self._files(study_id, view, seen), *trial.get("artifacts", [])]
        drawn = self._drawn(view)
        if drawn is not None:
            _put_before(detail, drawn.note)

    def study(self, study_id: int) -> tuple[StudyView, Html | None] | None:
        """Return a study and what its page says, or None if it cannot be shown, as one with several objectives.

        Nothing is said of it yet while that is drawn for the first time.
        """
        view = self._view(study_id)
        if view is None:
            return None
        drawn = self._drawn(view)
        return view.results, None if drawn is None else drawn.body

    def trial(
        self, study_id: int, number: int
    ) -> tuple[StudyView, TrialView, Mapping[str, Any] | None, dict[str, str]] | None:
        """Return a study, one of its trials, the trial's recipe and the addresses of its files; None if not there."""
        view = self._view(study_id)
        if view is None or number >= len(view.results.trials):
            return None
        self._read_recipes(view)
        seen = view.results.trials[number]
        trial_id = seen.trial.trial_id
        files = {
            file["filename"]: f"/artifacts/{study_id}/{trial_id}/{file['artifact_id']}"
            for file in self._files(study_id, view, seen)
        }
        return view.results, seen, view.recipes.get(trial_id), files

    def importances(self, study_id: int) -> dict[str, float] | None:
        """Return the importance of each dimension as our pages show it, or None for a study that they do not show."""
        view = self._view(study_id)
        if view is None:
            return None
        rows = view.results.importance["dimensions"]
        return {row["name"]: row["share"] for row in rows if row["share"] is not None}

    def file(self, study_id: int, trial_id: int, identity: str) -> tuple[str, str] | None:
        """Return MIME type and content of one of our files, or None for any other."""
        name = next((name for name in FILES if file_id(study_id, trial_id, name) == identity), None)
        view = None if name is None else self._view(study_id)
        seen = None if view is None else view.by_id.get(trial_id)
        if name is None or view is None or seen is None:
            return None
        self._read_recipes(view)
        content = FILES[name].make(view.results, seen, view.recipes.get(trial_id))
        return None if content is None else (FILES[name].kind, content)

    def table(self, study_id: int, numbers: Container[int] | None) -> str | None:
        """Return the trials of a study as CSV, or None if there are none.

        Args:
            study_id: Optuna's id.
            numbers: Which trials; None for all.
        """
        storage = self._database.optuna
        try:
            with storage_errors(self._database.url):
                trials = storage.get_all_trials(study_id)
                directions = storage.get_study_directions(study_id)
                names = storage.get_study_system_attrs(study_id).get(METRIC_NAMES)
        except KeyError:
            return None
        chosen = [trial for trial in trials if numbers is None or trial.number in numbers]
        if numbers is not None and not chosen:
            return None
        count = len(directions)
        return study_csv(chosen, names or (["Value"] if count == 1 else [f"Objective {at}" for at in range(count)]))

    def _view(self, study_id: int) -> _StudyPanels | None:
        """Return the state of a study, at most a second old, or None if it cannot be shown.

        It has several objectives, values that cannot be read, or does not exist.

        Raises:
            StorageError: The database cannot be used now.
        """
        with self._lock:
            view = self._views.get(study_id)
            if view is not None and time.monotonic() - view.read_at < _FRESH_S:
                return view
            try:
                with storage_errors(self._database.url):
                    name = self._database.optuna.get_study_name_from_id(study_id)
                study = read_study_results(self._database, name)
            except (KeyError, UsageError, StorageError) as error:
                if isinstance(error, StorageError) and self._database.away(error):
                    raise
                self._views.pop(study_id, None)
                return None
            if view is None or view.name != name:
                view = self._views[study_id] = _StudyPanels(name, load_view(study), 0.0)
            else:
                view.results = load_view(study, {seen.number: seen for seen in view.results.trials})
            view.by_id = {seen.trial.trial_id: seen for seen in view.results.trials}
            view.read_at = time.monotonic()
            return view

    def _read_recipes(self, view: _StudyPanels) -> None:
        """Read the recipes of new trials; a trial has its recipe before it runs."""
        missing = [trial_id for trial_id in view.by_id if trial_id not in view.recipes]
        if missing:
            view.recipes |= read_recipes(self._database, missing)

    def _note(self, study_id: int, view: _StudyPanels, seen: TrialView) -> str:
        trial_id, best = seen.trial.trial_id, is_best(view.results, seen)
        known = view.notes.get((trial_id, best))
        if known is not None:
            return known
        # The address changes with the epochs: a browser must not cache the picture of a running trial.
        address = f"/artifacts/{study_id}/{trial_id}/{file_id(study_id, trial_id, PICTURE)}?epochs={seen.epochs}"
        picture = address if seen.curve.epochs else None
        note = trial_note(view.results, seen, view.recipes.get(trial_id), picture)
        if seen.trial.state.is_finished():
            view.notes[trial_id, best] = note
        return note

    def _files(self, study_id: int, view: _StudyPanels, seen: TrialView) -> list[dict[str, Any]]:
        trial_id = seen.trial.trial_id
        recipe = view.recipes.get(trial_id)
        return [
            {
                "artifact_id": file_id(study_id, trial_id, name),
                "filename": name,
                "mimetype": file.kind.partition(";")[0],
                "encoding": None,
            }
            for name, file in FILES.items()
            if file.there(seen, recipe)
        ]

    def _drawn(self, view: _StudyPanels) -> _RenderedPanels | None:
        """Return current note and plots, or the previous ones if drawing takes long; None before the first."""
        results, state = view.results, _state(view.results)
        with self._lock:
            rests = view.drawn is not None and (view.drawn.state == state or time.monotonic() < view.drawn.next_at)
            if view.drawing is None and not rests:
                view.drawing = threading.Event()
                # A daemon: the dashboard must stop at once, whatever is being drawn.
                threading.Thread(target=self._draw, args=(view, results, state), daemon=True).start()
            drawing = view.drawing
        if drawing is not None:
            drawing.wait(PATIENCE_S)
        return view.drawn

    def _draw(self, view: _StudyPanels, results: StudyView, state: tuple[int, ...]) -> None:
        began = time.monotonic()
        try:
            address = f"/studies/{results.study.record.study_id}/trials/"
            drawn = _RenderedPanels(state, study_note(results), study_body(results, address))
        except Exception:
            # A study that cannot be drawn must not break the dashboard for all others.
            _log.exception("The page of the study %r cannot be made.", view.name)
            drawn = view.drawn or _RenderedPanels(state, "", element("p", _BROKEN, class_="answer"))
        ended = time.monotonic()
        drawn.next_at = ended + REDRAW_BACKOFF * (ended - began)
        with self._lock:
            done, view.drawn, view.drawing = view.drawing, drawn, None
        if done is not None:
            done.set()


def _state(results: StudyView) -> tuple[int, ...]:
    finished = sum(seen.trial.state.is_finished() for seen in results.trials)
    return len(results.trials), finished, sum(seen.epochs for seen in results.trials), results.study.record.alive


_BROKEN = "This study cannot be shown: the log of the dashboard says why. Its trials are in optuna-dashboard."

MARK = "*Above this line: keras-studies, always current. Below it: your own note.*"
"""Separates our note from the user's."""


def _put_before(thing: dict[str, Any], note: str) -> None:
    """Put our note before the user's, the only one in the database."""
    theirs = thing.setdefault("note", {"version": 0, "body": ""})
    theirs["body"] = f"{note}\n\n---\n\n{MARK}\n\n{theirs['body']}" if theirs["body"] else note

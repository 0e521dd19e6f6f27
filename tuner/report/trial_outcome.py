"""How a trial ended: what its page and its note have in common."""

from __future__ import annotations

from tuner.report.study_view import StudyView, TrialView
from tuner.results import selection_text
from tuner.text import count, duration, number, spread_text


def is_best(results: StudyView, seen: TrialView) -> bool:
    """Return whether no trial is better."""
    return results.best is not None and results.best.number == seen.number


def ending_text(results: StudyView, seen: TrialView) -> str:
    """Say how a trial ended: its state, value, epochs and time."""
    state = seen.state.capitalize()
    parts = [state if seen.value is None else f"{state}: {results.metric} {number(seen.value)}"]
    parts += [spread_text(seen.training_values)] if len(seen.training_values) > 1 else []
    if is_best(results, seen):
        parts.append("the best")
    seconds = "" if seen.seconds is None else f" in {duration(seen.seconds)}"
    parts += [f"{count(seen.epochs, 'epoch')}{seconds}"] if seen.epochs or seconds else []
    ended = ", ".join(parts)
    selection = selection_text(seen.selected_epochs, seen.epochs)
    return f"{ended}; {selection}" if selection else ended

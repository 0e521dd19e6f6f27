"""How a trial ended, and its epochs as a table: what its page, its note and its files have in common."""

from __future__ import annotations

from tuner.report.study_view import StudyView, TrialView
from tuner.text import count, duration, listed, number, spread_text


def epochs_table(results: StudyView, seen: TrialView) -> tuple[list[str], list[list[float | int | None]]]:
    """Return the names of columns, and a row per epoch, without columns that were not measured."""
    curve = seen.curve
    columns = {
        results.metric: curve.metric,
        "training loss": curve.loss,
        "validation loss": curve.val_loss,
        "learning rate": curve.rate,
    }
    known = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    rows = [[epoch, *values] for epoch, *values in zip(curve.epochs, *known.values(), strict=True)]
    return ["epoch", *known], rows


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
    if not seen.selected_epochs or sum(seen.selected_epochs) >= seen.epochs:
        return ended
    if len(seen.selected_epochs) == 1:
        return f"{ended}; epoch {seen.selected_epochs[0]} gave its model"
    return f"{ended}; epochs {listed([str(epoch) for epoch in seen.selected_epochs])} gave its models"

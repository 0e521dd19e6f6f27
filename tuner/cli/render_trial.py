"""Render one trial on a terminal: how it ended, its setting, its epochs."""

from __future__ import annotations

from rich.console import Console

from tuner.cli.console import Text
from tuner.cli.fitting_table import Column, print_table
from tuner.cli.render_study import params_table
from tuner.results import TrialDetails, epochs_table, learning_curve, selection_text
from tuner.text import count, duration, size_text, spread_text, tuner_command, value_text


def render_trial(out: Console, trial: TrialDetails) -> None:
    """Print how a trial ended, what its network costs, its setting, its epochs, and how to use it."""
    row, metric = trial.row, trial.metric or "value"
    out.print(Text(f"Trial {trial.number} of study {trial.study}: {trial.score_text}", "bold"))
    if len(row["training_values"]) > 1:
        out.print(f"Value: {spread_text(row['training_values'])}")
    told = {text for one in row["health"] for text in (one["text"], f"{one['verdict']}: {one['text']}")}
    if trial.reason is not None and trial.reason not in told:
        out.print(Text(f"Reason: {trial.reason}"))
    for finding in row["health"]:
        out.print(Text(f"Health: {finding['verdict']}, {finding['text']}"))
    if row["weights"] is not None:
        out.print(f"Network: {size_text(row['weights'], row['multiply_adds'])}")
    if row["epochs"]:
        out.print(f"Training: {_training(trial)}")
    if row["fallback_reason"] is not None:
        out.print(Text(f"Trained by model.fit, which is slower: {row['fallback_reason']}.", "yellow"))
    if trial.params:
        out.print("Found by the search:")
        out.print(params_table(trial.params))
    _print_epochs(out, trial, metric)
    if trial.state == "complete" and trial.has_recipe:
        number = str(trial.number)
        export, train = (tuner_command(name, trial.study, "--trial", number) for name in ("export", "train"))
        out.print(Text(f"Its recipe: {export} | A trained model: {train}", "dim"))


def _training(trial: TrialDetails) -> str:
    row = trial.row
    seconds = "" if row["duration_s"] is None else f" in {duration(row['duration_s'])}"
    engine = "" if row["engine"] is None else f", engine {row['engine']}"
    text = f"{count(row['epochs'], 'epoch')}{seconds}{engine}"
    selection = selection_text(row["selected_epochs"], row["epochs"])
    return f"{text}; {selection}" if selection else text


def _print_epochs(out: Console, trial: TrialDetails, metric: str) -> None:
    """Print a line per epoch; of folds and repeats their mean."""
    header, rows = epochs_table(metric, learning_curve(trial.records))
    if not rows:
        return
    trainings = len({record.fold for record in trial.records})
    out.print("Epochs:" if trainings == 1 else f"Epochs, the mean of {trainings} trainings:")
    epoch, *names = header
    columns = [Column(epoch, right=True), *(Column(name, rank, right=True) for rank, name in enumerate(names))]
    print_table(out, columns, [["" if value is None else value_text(value) for value in row] for row in rows])

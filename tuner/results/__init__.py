"""What came out of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuner.results.best import Best, best_trial
from tuner.results.compare import compare
from tuner.results.explain import explain
from tuner.results.export import Export, export, read_export, save_rows
from tuner.results.gathered import Gathered, Seen, gather
from tuner.results.importance import importance
from tuner.results.notes import epochs_table, is_best, recipe_text, study_note, trial_note
from tuner.results.picture import trial_picture
from tuner.results.refine import Refined, refine
from tuner.results.studies import Study, read_study_results, studies_table
from tuner.results.summary import summary, trial_row
from tuner.results.winner import SEEDS, TOP, Trained
from tuner.results.winner import Request as TrainRequest
from tuner.results.winner import train as train_winner

if TYPE_CHECKING:
    from tuner.results.plots import PLOTS, titled
    from tuner.results.report import report_page
    from tuner.results.script import python_script

__all__ = [
    "PLOTS",
    "SEEDS",
    "TOP",
    "Best",
    "Export",
    "Gathered",
    "Refined",
    "Seen",
    "Study",
    "TrainRequest",
    "Trained",
    "best_trial",
    "compare",
    "epochs_table",
    "explain",
    "export",
    "gather",
    "importance",
    "is_best",
    "python_script",
    "read_export",
    "read_study_results",
    "recipe_text",
    "refine",
    "report_page",
    "save_rows",
    "studies_table",
    "study_note",
    "summary",
    "titled",
    "trial_note",
    "train_winner",
    "trial_picture",
    "trial_row",
]


_HOME = {
    "PLOTS": "tuner.results.plots",
    "python_script": "tuner.results.script",
    "report_page": "tuner.results.report",
    "titled": "tuner.results.plots",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for: `python_script` needs Keras, and plots need Plotly."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOME[name]), name)

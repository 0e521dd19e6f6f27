"""What came out of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuner.results.best import Best, best_trial
from tuner.results.compare import compare
from tuner.results.explain import explain
from tuner.results.export import Export, export, read_export, save_rows
from tuner.results.importance import importance
from tuner.results.refine import Refined, refine
from tuner.results.studies import Study, read_study_results, studies_table
from tuner.results.summary import summary, trial_row

if TYPE_CHECKING:
    from tuner.results.script import python_script

__all__ = [
    "Best",
    "Export",
    "Refined",
    "Study",
    "best_trial",
    "compare",
    "explain",
    "export",
    "importance",
    "python_script",
    "read_export",
    "read_study_results",
    "refine",
    "save_rows",
    "studies_table",
    "summary",
    "trial_row",
]


def __getattr__(name: str) -> Any:
    """Load `python_script` where it is asked for: it needs Keras."""
    if name != "python_script":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tuner.results.script import python_script

    return python_script

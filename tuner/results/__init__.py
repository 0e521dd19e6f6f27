"""What came out of a study."""

from tuner.results.best import Best, best_trial
from tuner.results.compare import compare
from tuner.results.explain import explain
from tuner.results.importance import importance
from tuner.results.refine import Refined, refine
from tuner.results.studies import Study, read_study_results, studies_table
from tuner.results.summary import summary, trial_row

__all__ = [
    "Best",
    "Refined",
    "Study",
    "best_trial",
    "compare",
    "explain",
    "importance",
    "read_study_results",
    "refine",
    "studies_table",
    "summary",
    "trial_row",
]

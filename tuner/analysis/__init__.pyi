from .dimension_importance import SHARE_NOTE, importance
from .grouping import group_trials, searched_dimensions, written_params
from .multiple_testing import holm
from .pareto_front import COSTS, find_pareto_front
from .refinement.refined_study import refine
from .tied_best_trials import ties_text
from .top_trials import ranked
from .value_comparison import compare

__all__ = [
    "COSTS",
    "SHARE_NOTE",
    "compare",
    "find_pareto_front",
    "group_trials",
    "holm",
    "importance",
    "ranked",
    "refine",
    "searched_dimensions",
    "ties_text",
    "written_params",
]

from .best import Best, best_trial
from .recipe_code import check_data_code, check_model_code
from .stored_recipes import trial_recipe
from .stored_study import Study, read_study_results, studies_table
from .study_json import summary

__all__ = [
    "Best",
    "Study",
    "best_trial",
    "check_data_code",
    "check_model_code",
    "read_study_results",
    "studies_table",
    "summary",
    "trial_recipe",
]

from .best import Best, best_trial
from .data_frames import epochs_frame, trials_frame
from .learning_curves import Curve, epochs_table, fold_mean, learning_curve, read_curves, selection_text
from .recipe_code_permission import check_data_code, check_model_code
from .rejected_networks import rejected_text
from .stored_recipes import selected_recipe, trial_recipe
from .stored_study import StoredStudy, list_studies, read_outlines, read_study_results
from .study_data import StudyData, read_study_data
from .study_json import failure_texts, network_cost_row, summary
from .trial_details import TrialDetails, read_trial
from .trial_numbers import trial_numbers

__all__ = [
    "Best",
    "Curve",
    "StoredStudy",
    "StudyData",
    "TrialDetails",
    "best_trial",
    "check_data_code",
    "check_model_code",
    "epochs_frame",
    "epochs_table",
    "failure_texts",
    "fold_mean",
    "learning_curve",
    "list_studies",
    "network_cost_row",
    "read_curves",
    "read_outlines",
    "read_study_data",
    "read_study_results",
    "read_trial",
    "rejected_text",
    "selected_recipe",
    "selection_text",
    "summary",
    "trial_numbers",
    "trial_recipe",
    "trials_frame",
]

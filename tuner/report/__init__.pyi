from .dashboard_notes import epochs_table, is_best, recipe_text, study_note, trial_note
from .page import report_page
from .plots import PLOTS
from .plots.style import titled
from .study_view import Gathered, Seen, gather
from .trial_svg import trial_picture

__all__ = [
    "PLOTS",
    "Gathered",
    "Seen",
    "epochs_table",
    "gather",
    "is_best",
    "recipe_text",
    "report_page",
    "study_note",
    "titled",
    "trial_note",
    "trial_picture",
]

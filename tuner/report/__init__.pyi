from .dashboard_notes import epochs_table, is_best, study_note, trial_note
from .html import element
from .notebook_view import notebook_html
from .page import report_page
from .plots import PLOTS
from .plots.style import titled
from .study_view import StudyView, TrialView, load_view
from .trial_svg import trial_picture

__all__ = [
    "PLOTS",
    "StudyView",
    "TrialView",
    "element",
    "epochs_table",
    "is_best",
    "load_view",
    "notebook_html",
    "report_page",
    "study_note",
    "titled",
    "trial_note",
    "trial_picture",
]

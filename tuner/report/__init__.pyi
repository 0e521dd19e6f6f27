from .dashboard_notes import study_note, trial_note
from .html_components import table
from .notebook_view import notebook_html
from .page import page_head, page_script, report_page, study_body
from .plots import PLOTS
from .plots.plotly_menus import with_menus
from .study_view import StudyView, TrialView, load_view
from .trial_outcome import is_best
from .trial_page import trial_body
from .trial_svg import trial_picture

__all__ = [
    "PLOTS",
    "StudyView",
    "TrialView",
    "is_best",
    "load_view",
    "notebook_html",
    "page_head",
    "page_script",
    "report_page",
    "study_body",
    "study_note",
    "table",
    "trial_body",
    "trial_note",
    "trial_picture",
    "with_menus",
]

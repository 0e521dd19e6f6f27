from .assembly import assemble
from .controls import CONTROLS, train_control
from .final_training import final_split, fit_final_model, watches_validation
from .refit_options import SEEDS, TOP, RefitOptions
from .refit_result import RefitResult
from .refit_study import refit_leaders
from .revalidation import revalidate

__all__ = [
    "CONTROLS",
    "SEEDS",
    "TOP",
    "RefitOptions",
    "RefitResult",
    "assemble",
    "final_split",
    "fit_final_model",
    "refit_leaders",
    "revalidate",
    "train_control",
    "watches_validation",
]

from .final_training import final_split, fit_final_model, watches_validation
from .refit_options import SEEDS, TOP, RefitOptions
from .refit_result import RefitResult
from .refit_study import refit_leaders
from .revalidation import revalidate

__all__ = [
    "SEEDS",
    "TOP",
    "RefitOptions",
    "RefitResult",
    "final_split",
    "fit_final_model",
    "refit_leaders",
    "revalidate",
    "watches_validation",
]

from .refit_options import SEEDS, RefitOptions
from .refit_result import RefitResult
from .refit_study import refit_leaders
from .scikit_learn_controls import CONTROLS, train_control
from .worker_final_fit import final_split, fit_final_model, watches_validation
from .worker_model_assembly import assemble
from .worker_revalidation import SaveCheck, revalidate

__all__ = [
    "CONTROLS",
    "SEEDS",
    "RefitOptions",
    "RefitResult",
    "SaveCheck",
    "assemble",
    "final_split",
    "fit_final_model",
    "refit_leaders",
    "revalidate",
    "train_control",
    "watches_validation",
]

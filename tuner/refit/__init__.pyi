from .final_training import final_split, fit_final_model, watches_validation
from .model_metadata import ModelMetadata, read_about, write_about
from .refit_options import SEEDS, TOP, RefitOptions
from .refit_result import RefitResult
from .refit_study import refit_leaders
from .revalidation import revalidate
from .saved_model import SavedModel, load_saved

__all__ = [
    "SEEDS",
    "TOP",
    "ModelMetadata",
    "RefitOptions",
    "RefitResult",
    "SavedModel",
    "final_split",
    "fit_final_model",
    "load_saved",
    "read_about",
    "refit_leaders",
    "revalidate",
    "watches_validation",
    "write_about",
]

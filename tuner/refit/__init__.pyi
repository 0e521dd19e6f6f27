from .final_model import final_split, train_final, watches_validation
from .model_metadata import About, read_about, write_about
from .refit_result import Trained
from .refit_study import SEEDS, TOP, RefitOptions, refit_leaders
from .revalidation import train_again
from .saved_model import Saved, load_saved

__all__ = [
    "SEEDS",
    "TOP",
    "About",
    "RefitOptions",
    "Saved",
    "Trained",
    "final_split",
    "load_saved",
    "read_about",
    "refit_leaders",
    "train_again",
    "train_final",
    "watches_validation",
    "write_about",
]

from .data_config import OUTLIER_LIMITS, DataOptions, Folds, read_options
from .dataset import DataFacts, HeldOut, Part, Prepared, Preprocessing, Split
from .preparation import check_repeatable, held_out, prepare, unscaled
from .sources import BUILT_IN, SOURCES
from .transform import encode_rows

__all__ = [
    "BUILT_IN",
    "OUTLIER_LIMITS",
    "SOURCES",
    "DataFacts",
    "DataOptions",
    "Folds",
    "HeldOut",
    "Part",
    "Prepared",
    "Preprocessing",
    "Split",
    "check_repeatable",
    "encode_rows",
    "held_out",
    "prepare",
    "read_options",
    "unscaled",
]

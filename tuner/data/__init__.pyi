from .data_config import OUTLIER_LIMITS, DataOptions, Folds, read_options
from .dataset import DataFacts, HeldOut, PreparedData, Preprocessing, Split, Subset
from .preparation import check_repeatable, held_out, prepare, unscaled_splits
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
    "PreparedData",
    "Preprocessing",
    "Split",
    "Subset",
    "check_repeatable",
    "encode_rows",
    "held_out",
    "prepare",
    "read_options",
    "unscaled_splits",
]

"""Data: sources, splits, preprocessing, outliers, weights."""

from tuner.data.options import OUTLIER_LIMITS, DataOptions, Folds, read_options
from tuner.data.parts import DataFacts, HeldOut, Part, Prepared, Preprocessing, Split
from tuner.data.prepare import check_repeatable, held_out, prepare, unscaled
from tuner.data.source import Source
from tuner.data.sources import BUILT_IN, SOURCES
from tuner.data.transform import encode_rows

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
    "Source",
    "Split",
    "check_repeatable",
    "encode_rows",
    "held_out",
    "prepare",
    "read_options",
    "unscaled",
]

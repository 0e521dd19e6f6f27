"""Data: sources, splits, preprocessing, outliers, weights."""

from tuner.data.options import OUTLIER_LIMITS, DataOptions, Folds
from tuner.data.parts import DataFacts, Part, Prepared, Preprocessing, Split
from tuner.data.prepare import held_out, prepare, unscaled
from tuner.data.source import Source
from tuner.data.sources import BUILT_IN, SOURCES

__all__ = [
    "BUILT_IN",
    "OUTLIER_LIMITS",
    "SOURCES",
    "DataFacts",
    "DataOptions",
    "Folds",
    "Part",
    "Prepared",
    "Preprocessing",
    "Source",
    "Split",
    "held_out",
    "prepare",
    "unscaled",
]

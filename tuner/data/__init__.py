"""Data: sources, splits, preprocessing, outliers, weights."""

from tuner.data.options import DataOptions, Folds
from tuner.data.parts import DataFacts, Part, Prepared, Preprocessing, Split

__all__ = ["DataFacts", "DataOptions", "Folds", "Part", "Prepared", "Preprocessing", "Split"]

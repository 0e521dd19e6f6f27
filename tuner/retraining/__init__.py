"""Train a recipe again, keep what it answers, and keep its model as a Keras file with all that it needs.

What workers do for `tuner train`; which recipe it is, and what its numbers mean, is the matter of `tuner.results`.
Importing this package imports no Keras.
"""

from tuner.retraining.about import About, read_about, write_about
from tuner.retraining.again import train_again
from tuner.retraining.final import final_split, train_final, watches_validation
from tuner.retraining.kept import Kept
from tuner.retraining.saved import Saved, load_saved

__all__ = [
    "About",
    "Kept",
    "Saved",
    "final_split",
    "load_saved",
    "read_about",
    "train_again",
    "train_final",
    "watches_validation",
    "write_about",
]

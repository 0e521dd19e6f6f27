"""The honest winner: the leading recipes trained again, one chosen, scored once on the test part, and saved."""

from tuner.results.winner.retrain import SEEDS, TOP, Request, train
from tuner.results.winner.trained import Trained

__all__ = ["SEEDS", "TOP", "Request", "Trained", "train"]

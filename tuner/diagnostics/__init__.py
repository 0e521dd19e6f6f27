"""Health of a training."""

from tuner.diagnostics.divergence import divergence

__all__ = ["divergence"]

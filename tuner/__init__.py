"""Hyperparameter tuning for Keras models, on Optuna."""

from __future__ import annotations

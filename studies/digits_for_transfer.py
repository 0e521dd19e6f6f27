"""The rows of the studies of transfer learning: scikit-learn's digits in two halves, ink from 0 to 1."""

import numpy as np
from sklearn.datasets import load_digits

ROWS = 5
"""Rows of each of the digits 5 to 9 that are not in the test part."""


def low():
    """Return the digits 0 to 4: 901 images of shape (8, 8, 1)."""
    images, digits = _images()
    return images[digits < 5], digits[digits < 5]


def high():
    """Return the digits 5 to 9: 896 images, five of each to train and validate on, the others to test on."""
    images, digits = _images()
    images, digits = images[digits >= 5], digits[digits >= 5]
    few = np.concatenate([np.flatnonzero(digits == digit)[:ROWS] for digit in range(5, 10)])
    return {"x": images, "y": digits, "part": np.where(np.isin(np.arange(len(digits)), few), "train", "test")}


def _images():
    found = load_digits()
    return (found.images / 16.0)[..., np.newaxis], found.target

"""The thresholds of verdicts; docs/health.md says where each comes from, and how it was checked.

They are ratios within one training: a loss or a gradient by itself depends on the loss function, the unit of the target
and sample weights, and cannot be compared between trials.
"""

from __future__ import annotations

LOSS_BLOW_UP = 100.0
"""Diverged: the loss is this many times that of the initial weights."""

GRADIENT_GROWTH = 100.0
"""Exploding: a layer's gradient norm is this many times the largest one of the initial weights, and nothing was
learned."""

LARGE_UPDATE = 0.1
"""Exploding: the mean step changes the weights of a layer by this share of their norm, and nothing was learned.  Usual
are 1e-3 (Stanford CS231n)."""

DEAD_SHARE = 0.75
"""Dead units: this share of the units of a ReLU layer is 0 for every row."""

SATURATED_SHARE = 0.9
"""Saturated: for this share of the values of a layer the slope is below 2 % of the steepest one."""

VANISHING_RATIO = 1e-3
"""Vanishing: the gradient norm of a layer is this share of the largest one."""

MIN_PROGRESS = 0.02
"""No progress: the loss is less than this share below that without learning."""
MIN_EPOCHS_FOR_PROGRESS = 5
"""Epochs before "no progress" can be a verdict, or all of them if there are fewer."""

OVERFITTING_GAP = 0.5
"""Overfitting: this share of the fall of the training loss is missing on the validation part."""
MIN_FALL_FOR_GAP = 0.1
"""A fall of the training loss below this share says nothing about a gap."""

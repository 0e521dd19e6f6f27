"""The numbers that verdicts compare with; docs/health.md says where each comes from, and how it was checked.

They are ratios within one training.  A loss or a gradient by itself depends on the loss that was chosen, on the unit of
the target and on weights of rows, so it says nothing that holds for two trials.
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
"""Dead units: so many units of a ReLU layer are 0 for every row."""

SATURATED_SHARE = 0.9
"""Saturated: so many values of a layer lie where the slope is below 2 % of the steepest one."""

VANISHING_RATIO = 1e-3
"""Vanishing: the gradient norm of a layer is this share of the largest one."""

LEAST_PROGRESS = 0.02
"""No progress: the loss lies by less than this share below that of whoever has learned nothing."""
PROGRESS_EPOCHS = 5
"""Epochs that a training gets before it is blamed for no progress, or all of them where there are fewer."""

OVERFITTING_GAP = 0.5
"""Overfitting: so much of what the training loss fell is not there on the validation part."""
FALL_TO_JUDGE = 0.1
"""A fall of the training loss below this share says nothing about a gap."""

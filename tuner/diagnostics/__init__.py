"""Health of a training: what is measured of it, and what that means.

Measuring needs Keras and TensorFlow (`layers`, loaded at its first use); judging needs neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuner.diagnostics.divergence import divergence
from tuner.diagnostics.finding import HEALTHY, VERDICTS, Finding
from tuner.diagnostics.judge import Fold, judge
from tuner.diagnostics.options import HealthOptions
from tuner.diagnostics.probe import PROBE_EPOCHS, LayerHealth, Probe, probe_epochs, probe_of, probe_rows

if TYPE_CHECKING:
    from tuner.diagnostics.layers import Layers, Noted, is_keras, output_activation

__all__ = [
    "HEALTHY",
    "PROBE_EPOCHS",
    "VERDICTS",
    "Finding",
    "Fold",
    "HealthOptions",
    "LayerHealth",
    "Layers",
    "Noted",
    "Probe",
    "divergence",
    "is_keras",
    "judge",
    "output_activation",
    "probe_epochs",
    "probe_of",
    "probe_rows",
]


def __getattr__(name: str) -> Any:
    if name not in ("Layers", "Noted", "is_keras", "output_activation"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tuner.diagnostics import layers

    return getattr(layers, name)

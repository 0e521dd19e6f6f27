from .divergence_finding import divergence
from .finding import HEALTHY, VERDICTS, Finding
from .health_config import HealthOptions
from .layer_monitor import Layers, Noted, is_keras, output_activation
from .probe import PROBE_EPOCHS, LayerHealth, Probe, probe_epochs, probe_of, probe_rows
from .rules import Fold, judge

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

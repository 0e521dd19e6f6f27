from .divergence_finding import check_finite
from .finding import HEALTHY, VERDICTS, Finding
from .health_config import HealthOptions
from .layer_monitor import ActivationTrace, LayerMonitor, is_keras, output_activation
from .probe import PROBE_EPOCHS, LayerHealth, Probe, build_probe, probe_epochs, probe_rows
from .rules import Fold, assess

__all__ = [
    "HEALTHY",
    "PROBE_EPOCHS",
    "VERDICTS",
    "ActivationTrace",
    "Finding",
    "Fold",
    "HealthOptions",
    "LayerHealth",
    "LayerMonitor",
    "Probe",
    "assess",
    "build_probe",
    "check_finite",
    "is_keras",
    "output_activation",
    "probe_epochs",
    "probe_rows",
]

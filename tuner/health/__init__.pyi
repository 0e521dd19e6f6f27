from .activation_recorder import ActivationTrace, LayerMonitor
from .finding import HEALTHY, VERDICTS, Finding
from .health_config import HealthOptions
from .probe import PROBE_EPOCHS, LayerHealth, Probe, build_probe, probe_epochs, probe_rows
from .rules import Fold, assess, check_finite

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
    "probe_epochs",
    "probe_rows",
]

from .activation_recorder import NOT_MEASURED, SHARE_KINDS, ActivationTrace, LayerMonitor, unit_share
from .finding import HEALTHY, VERDICTS, Finding
from .health_config import HealthOptions
from .probe import LayerHealth, Probe, build_probe, probe_epochs, probe_rows
from .rules import Fold, assess, check_finite

__all__ = [
    "HEALTHY",
    "NOT_MEASURED",
    "SHARE_KINDS",
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
    "unit_share",
]

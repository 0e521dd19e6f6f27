"""Databases: Optuna's tables and our own, and the session of a process with a study."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

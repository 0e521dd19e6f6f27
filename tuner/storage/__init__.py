"""Databases: Optuna's storage with our settings, our own tables, and the study that one process holds."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

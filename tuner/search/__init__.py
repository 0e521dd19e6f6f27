"""Samplers, pruners, and the exchange of parameters and outcomes with Optuna.

Importing this package does not import Optuna.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

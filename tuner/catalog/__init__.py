"""Registries of losses, optimizers, schedules and their like, and the recipe of a training.

Importing this package does not import Keras; names that need it are loaded at their first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

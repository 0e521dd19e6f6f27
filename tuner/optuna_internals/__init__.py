"""The private names and system attributes of Optuna that this package uses; no other module imports one.

A test compares them with the installed version of Optuna: its table models with what its public calls write, and the
attributes of its objects (`trial._trial_id`) by name.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Study files: read, check and describe them, and resolve the values of a trial to its recipe.

Importing this package imports neither Keras nor Optuna.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""The study: from a study file to what is searched, and from the values of one trial to its recipe.

Importing this package imports neither Keras nor Optuna.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

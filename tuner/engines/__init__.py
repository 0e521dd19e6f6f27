"""Engines: ways to train one trial.

Importing this package imports no Keras: the module of an engine is imported when one is made.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Use a saved model: load it, answer tables of any size, write it in other formats."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

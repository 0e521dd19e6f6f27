"""How one trial is trained.  The table names the engines; what needs Keras is imported when one is made."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

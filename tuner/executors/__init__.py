"""Where trials are trained.  Ray itself is imported by a run on Ray alone, when it starts."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

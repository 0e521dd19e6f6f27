"""Executors: run jobs in this process, in local worker processes, or on Ray.

Ray itself is imported by a run on Ray only, when it starts.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

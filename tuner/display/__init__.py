"""Show the progress of a run: live in a terminal or a notebook, as plain lines elsewhere."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Write the best configuration as JSON, TOML or a stand-alone Keras script."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Tables of losses, optimizers, schedules and their like, and the recipe of one training.

Importing this package imports no Keras: what builds imports it.
Names that are Keras classes or take Keras models are looked up at their first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

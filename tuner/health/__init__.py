"""Health of a training: probes of its layers, and verdicts.

Measuring needs Keras and TensorFlow (`activation_recorder`, loaded at its first use); the rules need neither.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

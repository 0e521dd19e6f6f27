"""Trials as calls of a few programs: what a study searches seldom changes the network.

A program is made once and shared by all trials that need it: the gradient of one loss through one network, the
update of one optimizer, the outputs of one network, one loss.  All numbers of a recipe are inputs, so the next trial of
the same kind makes nothing, and one of another kind only what is new in it.  A step is two calls, or an epoch is one.
Layers, losses, optimizers and initializers are Keras's own.

Notation: n rows, k outputs.
"""

from tuner.engines.compiled.engine import CompiledEngine
from tuner.engines.compiled.program_cache import network_key

__all__ = ["CompiledEngine", "network_key"]

"""Trials as calls of a few compiled programs: what a study searches seldom changes the network.

A program is assembled from pieces that are traced once and shared: the gradient of one loss through one network, the
update of one optimizer, the measuring on the validation part.  All numbers of a recipe are inputs of the
program, so the next trial of the same kind is a call.  Layers, losses, optimizers and initializers are Keras's own.

Notation: n rows, E epochs, k outputs, P weights in all.
"""

from tuner.engines.compiled.engine import CompiledEngine

__all__ = ["CompiledEngine"]

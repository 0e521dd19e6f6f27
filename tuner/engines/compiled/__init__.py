"""Train by a few compiled functions that trials share, with the results of `model.fit`.

1.  Tracing a Keras model takes a second, training a small one a tenth of that.  So nothing is traced per trial:
    trials of a study share **graph functions**, cached by what their recipes have in common.
2.  That is everything of a recipe but its numbers: model file and options, loss, optimizer, switches.  Learning rate,
    momentum, betas, weight decay, penalties and the like are **runtime scalars**: variables in the places where Keras
    expects a Python float (`runtime_scalar`, `tunable_objects`).
3.  Four kinds of function are traced (`graph_functions`): a *network* forward and backward, given the gradient of its
    raw outputs; that gradient, for a *loss*; an *optimizer*'s update; the loss on the validation part.  A network and
    a loss are joined by copying the nodes of two FunctionDefs, not by tracing the pair (`function_def_builder`).  So
    216 combinations of 12 networks, 3 losses and 6 optimizers cost 12 + 3 + 18 traces, an update for each optimizer
    and width.
4.  All trainable weights are in one flat vector, so that an update is a few operations and not a few for each layer
    (`flat_weights`); apart for optimizers that look at a weight as a whole, and above 500,000 weights.
5.  A **training program** is the functions of one kind of recipe (`training_program`).  The **program cache** finds
    or makes it, and loads a recipe's scalars, slots and initial weights (`program_cache`).
6.  Initial weights equal Keras's own: the draws of one recorded build are repeated with other seeds, and verified
    once for each kind of network (`initial_weights`).
7.  An epoch runs step by step, in two calls of about 0.1 ms (`epoch_runner`); once a gradient and an update make 500
    steps together, as one loop in TensorFlow (`epoch_graph`); or compiled by XLA, if a measurement says that this is
    at least 1.25 times as fast (`xla_policy`).  The first two give the same weights to the last bit.
8.  What would be lost between separate functions is refused while they are traced: state set in `call`, random
    numbers without a seed, unknown variables, masks, sparse gradients with Adam (`support_checks`).  `auto` then
    takes `fit`.
9.  The contract: the weights of `model.fit` within 1e-4 (relative) after three epochs, for every loss with every
    optimizer (`tests/engines/test_compiled_equality.py`).
10. Read in this order: `engine`, `training_program`, `program_cache`, `graph_functions`, `epoch_runner`.

docs/decisions/0003-compiled-engine.md has the alternatives and what was measured.

Notation: n rows, k outputs.
"""

from tuner.engines.compiled.engine import CompiledEngine
from tuner.engines.compiled.program_cache import network_key

__all__ = ["CompiledEngine", "network_key"]

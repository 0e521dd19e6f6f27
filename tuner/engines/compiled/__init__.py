"""Train many small models without tracing each: trials share compiled functions.

1. Tracing a Keras model takes about 1 s; training a small one takes 0.1 s.  So nothing is traced per trial.  Trials
   share *graph functions*, cached by signature.
2. A *signature* is everything of a recipe but its sizes and numbers: the layers of its model and how they are
   connected (the *structure*), loss, optimizer, switches.  Widths are shapes left open.  Learning rate, momentum,
   betas, decay, penalties and rates of dropout are *runtime scalars*: TensorFlow variables that Keras uses in place of
   Python floats (`runtime_scalar`, `tunable_objects`).
3. Traced are: each kind of layer, forward and backward (`layer_functions`); the gradient of a loss for the raw outputs;
   the update of an optimizer; the loss on validation rows (`training_functions`).  Layers and loss are joined to the
   functions of a network by copying the nodes of their FunctionDefs (`joined_functions`, `function_def_builder`): 2 ms
   for a network that would take 100 ms to trace.  `size_independent_layers` says what of a layer is a size or a number,
   `optimized_layers` has some in fewer operations than Keras.  A model with other layers than Keras's, or
   layers called twice, is traced as a whole, for its sizes only (`whole_model_functions`); `layer_calls` says why.
4. The trainable weights are one flat vector of any length (`network_weights`, `open_shapes`), so an update is a few
   operations, or one (`optimizer_kernels`), not a few per layer, and serves all networks.  Optimizers and clippings
   whose row in the catalog says `per_tensor`, and networks above 500,000 weights, get a variable for each weight, and
   an update for their sizes.
5. A *training program* (`training_program`) is the functions of one signature, for one network.  `program_cache` finds
   or builds it and loads the sizes, scalars, optimizer slots and initial weights of a recipe.
6. Initial weights equal Keras's own: the draws of one recorded build are replayed with the seeds of the recipe
   (`initial_weights`), verified once for each kind of network and each initializer.
7. An epoch (`epoch_runner`) runs step by step, two calls of 0.1 ms each; or, from 150 steps of a gradient and an update
   on, as one while-loop graph (`epoch_graph`); or compiled by XLA for its sizes, if a long training measures it to be
   at least 1.25 times as fast (`xla_policy`).  The first two are equal to the last bit.
8. Models that would lose something between functions (state set in `call`, unseeded random numbers, variables unknown
   to Keras, masks) are refused while they are traced (`support_checks`); the engine `auto` then uses `model.fit`.
   Keras squares each use of a row of an embedding by itself, so an update gets the sum of these squares as well
   (`SharedOptimizer.apply`); optimizers that take anything else of a gradient are refused with an embedding.
9. The contract: losses, objective and weights equal those of `model.fit` within 1e-4 after three epochs, for each loss
   with each optimizer under a schedule (tests/engines/test_compiled_equality.py).
10. Read in this order: `engine`, `training_program`, `program_cache`, `layer_calls`, `layer_functions`,
    `joined_functions`, `epoch_runner`.

docs/engine.md says the same for users, docs/decisions/0003-compiled-engine.md what else was tried.
Notation: n rows, k outputs.
"""

from tuner.engines.compiled.engine import CompiledEngine

__all__ = ["CompiledEngine"]

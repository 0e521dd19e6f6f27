"""Train many small models without tracing each: trials share compiled functions.

1. Tracing a Keras model takes about 1 s; training a small one takes 0.1 s.  So nothing is traced per trial.  Trials
   share *graph functions*, cached by signature.
2. A *signature* is everything of a recipe but its numbers: model file and options, loss, optimizer, switches.  Learning
   rate, momentum, betas, decay and penalties are *runtime scalars*: TensorFlow variables that Keras uses in place of
   Python floats (`runtime_scalar`, `tunable_objects`).
3. Four functions are traced (`graph_functions`): forward and backward pass of a network, given the gradient of its raw
   outputs; that gradient, for a loss; the update of an optimizer; the loss on validation rows.  Network and loss are
   joined by copying the nodes of two FunctionDefs (`function_def_builder`), not by tracing the pair: 216 combinations
   of 12 networks, 3 losses and 6 optimizers take 12 + 3 + 18 traces, an update for each optimizer and width.  Outputs
   for validation rows are a subgraph of the first function if the network does the same in training and inference;
   otherwise they are traced as well.
4. The trainable weights are one flat vector (`flat_weights`), so an update is a few operations, not a few per layer.
   Optimizers and clippings whose row in the catalog says `per_tensor`, and networks above 500,000 weights, get a
   variable for each weight.
5. A *training program* (`training_program`) is the functions of one signature.  `program_cache` finds or builds it and
   loads the scalars, optimizer slots and initial weights of a recipe.
6. Initial weights equal Keras's own: the draws of one recorded build are replayed with the seeds of the recipe
   (`initial_weights`), verified once for each kind of network and each initializer.
7. An epoch (`epoch_runner`) runs step by step, two calls of 0.1 ms each; or, from 500 steps of a gradient and an update
   on, as one while-loop graph (`epoch_graph`); or compiled by XLA, if a long training measures it to be at least 1.25
   times as fast (`xla_policy`).  The first two are equal to the last bit.
8. Models that would lose something between functions (state set in `call`, unseeded random numbers, variables unknown
   to Keras, masks, sparse gradients with a nonlinear optimizer) are refused while they are traced (`support_checks`);
   the engine `auto` then uses `model.fit`.
9. The contract: losses, objective and weights equal those of `model.fit` within 1e-4 after three epochs, for each loss
   with each optimizer under a schedule (tests/engines/test_compiled_equality.py).
10. Read in this order: `engine`, `training_program`, `program_cache`, `graph_functions`, `epoch_runner`.

docs/engine.md says the same for users, docs/decisions/0003-compiled-engine.md what else was tried.
Notation: n rows, k outputs.
"""

from tuner.engines.compiled.engine import CompiledEngine
from tuner.engines.compiled.program_cache import network_key

__all__ = ["CompiledEngine", "network_key"]

"""Refuse a network over a limit of its size before its weights get values, which is most of the time of building it."""

from __future__ import annotations

import keras

from tuner.catalog import build_model
from tuner.engines.base import TrainingTask
from tuner.engines.keras_global_state import clear_session
from tuner.engines.network_size import NetworkSize
from tuner.keras_internals import pop_uninitialized


def find_size_over_limit(task: TrainingTask) -> NetworkSize | None:
    """Build the network of a task without values, and return its size if that is over a limit.

    Keras's session is cleared afterwards.  None if nothing limits the size, it is within the limits, or the model file
    needs values.
    """
    if not task.limits.limit_size:
        return None
    try:
        with keras.StatelessScope(initialize_variables=False):
            size = NetworkSize.of(build_model(task.recipe, task.facts.input_shape, task.facts.outputs, task.build))
    except Exception:  # building it with values says what is wrong, if anything is
        return None
    finally:
        pop_uninitialized()
        clear_session()
    return size if task.limits.reason(size) is not None else None

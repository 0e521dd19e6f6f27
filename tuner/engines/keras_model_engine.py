"""The base of the engines that train the Keras model itself."""

from __future__ import annotations

import keras

from tuner.catalog import build_model
from tuner.engines.base import StepTimes, TrainingTask
from tuner.engines.keras_global_state import clear_session
from tuner.engines.network_size import NetworkSize
from tuner.engines.predict_times import PredictTimer, PredictTimes
from tuner.engines.size_check import find_size_over_limit


class KerasModelEngine:
    """Builds a model for each training, and holds that of the last one."""

    name: str
    fallback_reason = None
    compile_stats = (0, 0.0)  # what Keras or a loop traces is part of each training

    def __init__(self) -> None:
        self.step_times: dict[str, StepTimes] = {}  # it has no choice to make
        self.network_size: NetworkSize | None = None
        self.predict_times: PredictTimes | None = None
        self._predict_timer = PredictTimer()
        self._model: keras.Model | None = None

    @property
    def last_engine(self) -> str:
        """See `Engine.last_engine`."""
        return self.name

    def trained_model(self) -> keras.Model:
        """See `Engine.trained_model`."""
        if self._model is None:
            raise RuntimeError("nothing was trained yet")
        return self._model

    def _build(self, task: TrainingTask) -> keras.Model:
        """Build the model of a task in a fresh session of Keras, and check it against the limits of the task.

        Raises:
            NetworkLimitError: It is over one of them.
        """
        self._model, self.predict_times = None, task.predict_times
        clear_session()
        if (size := find_size_over_limit(task)) is not None:
            self.network_size = size
            task.limits.check(size)
        model = self._model = build_model(task.recipe, task.facts.input_shape, task.facts.outputs, task.build)
        self.network_size = NetworkSize.of(model)
        task.limits.check(self.network_size)
        if task.is_timed:
            self.predict_times = self._predict_timer.time_model(task, model)
            task.limits.check_time(self.predict_times)
        return model

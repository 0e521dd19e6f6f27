"""A network over a limit is refused before anything is traced or trained, by every engine."""

from __future__ import annotations

import dataclasses
import math
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import oracle
import pytest

from tuner.catalog import LOOPS, Choice
from tuner.catalog.entries import LoopEntry
from tuner.engines import (
    ENGINES,
    Checkpoint,
    EpochRecord,
    NetworkLimits,
    NetworkSize,
    PredictTimes,
    TrainingResult,
    TrainingState,
    TrainingTask,
    run_trial,
)
from tuner.engines.network_limits import NetworkLimitError
from tuner.engines.predict_times import PredictTimer
from tuner.errors import ContentError, UnsupportedError

SIZE = NetworkSize(weights=132_482, trainable_weights=132_000, multiply_adds=131_000)


class NoisyEngine:
    """Measures a longer time to answer each time, and trains nothing."""

    def __init__(self) -> None:
        self.measured, self.predict_times = 0, None

    def train(self, task: TrainingTask, on_epoch: Callable[[EpochRecord], bool]) -> TrainingResult:
        self.predict_times = task.predict_times
        if task.is_timed:
            task.limits.check_time(self._measure())
        on_epoch(EpochRecord(task.fold, 1, 1.0, 1.0, 0.5, 0.1, 0.0))
        return TrainingResult("complete", 0.5)

    def state(self) -> TrainingState:
        return TrainingState("noisy", (0.5,), {}, {})

    def _measure(self) -> PredictTimes:
        self.measured += 1
        self.predict_times = PredictTimes(1.0 * self.measured, 2.0)
        return self.predict_times


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"weights": 50_000}, "132,482 weights, more than the limit of 50,000"),
        ({"multiply_adds": 50_000}, "131,000 multiply-adds, more than the limit of 50,000"),
        ({"bytes": 500_000}, "529,928 bytes, more than the limit of 500,000"),
        ({"weights": 100_000, "multiply_adds": 1_000}, "131,000 multiply-adds, more than the limit of 1,000"),
    ],
)
def test_the_reason_names_the_limit_that_is_exceeded_most(limits: dict[str, int], reason: str) -> None:
    with pytest.raises(NetworkLimitError) as caught:
        NetworkLimits(**limits).check(SIZE)
    assert caught.value.reason == reason
    assert caught.value.violation == pytest.approx(NetworkLimits(**limits).violation(SIZE))


def test_a_network_as_large_as_its_limit_is_trained() -> None:
    limits = NetworkLimits(weights=132_482, bytes=10**6)
    limits.check(SIZE)
    assert limits.violation(SIZE) == 0.0
    assert NetworkLimits().violation(SIZE) is None
    assert NetworkLimits(weights=132_482 * 2).violation(SIZE) == pytest.approx(-math.log(2))


def test_multiply_adds_that_cannot_be_counted_are_no_small_number() -> None:
    with pytest.raises(ContentError, match="multiply_adds needs a model"):
        NetworkLimits(multiply_adds=10**9).check(NetworkSize(10, 10, None))


def test_only_the_first_training_of_a_trial_is_timed() -> None:
    """Noise in the fourth fold, or in the worker that goes on with a trial, throws away nothing that is trained."""
    recipe: Any = SimpleNamespace(
        epochs=1, metric="accuracy", keep="last", patience=None, last_epoch=None, seed=0, to_json=dict,
        model=SimpleNamespace(saved_models=()),
    )  # fmt: skip
    prepared: Any = SimpleNamespace(splits=[None] * 3, facts=None)
    kept: list[bytes] = []

    def run(engine: Any, resume: Checkpoint | None = None) -> TrainingResult:
        return run_trial(
            engine, recipe, prepared, lambda: None, lambda *given: True,
            on_checkpoint=lambda make: kept.append(make().to_bytes(recipe)),
            resume=resume, limits=NetworkLimits(predict_ms=1.5),
        )  # fmt: skip

    engine = NoisyEngine()
    assert run(engine).state == "complete"
    assert (engine.measured, engine.predict_times) == (1, PredictTimes(1.0, 2.0))
    other = NoisyEngine()
    other.measured = 1
    assert run(other, Checkpoint.from_bytes(kept[0], recipe)).state == "complete"
    assert (other.measured, other.predict_times) == (1, PredictTimes(1.0, 2.0))
    assert run(other).state == "diverged", "of another trial the network is timed"


@pytest.fixture
def one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """All tasks have the same network, and nothing imports Keras."""
    found = SimpleNamespace(network_key=lambda recipe, facts: "one")
    monkeypatch.setitem(sys.modules, "tuner.engines.network_key", found)


def test_a_network_over_the_limit_is_timed_again_and_the_least_time_counts(one_network: None) -> None:
    task = timed_task(NetworkLimits(predict_ms=20.0))
    answers = iter([*[0.05] * 11, *[0.0] * 100])
    timer = PredictTimer()
    times = timer.time(task, lambda: lambda rows: time.sleep(next(answers)))
    assert times.one_row_ms < 20.0
    assert times.batch_ms < 20.0
    assert timer.time(task, lambda: pytest.fail("an equal network is timed once")) == times


def test_a_network_that_is_always_over_the_limit_is_timed_three_times(one_network: None) -> None:
    made = list[int]()
    task = timed_task(NetworkLimits(predict_ms=1e-9))
    PredictTimer().time(task, lambda: lambda rows: made.append(len(rows)))
    assert (made.count(1), made.count(256)) == (3 * 9, 3 * 2)


def timed_task(limits: NetworkLimits) -> Any:
    part = SimpleNamespace(x=np.zeros((7, 3), np.float32))
    return SimpleNamespace(recipe=None, facts=None, limits=limits, split=SimpleNamespace(validation=part))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fit", "compiled"])
def test_the_time_to_answer_is_measured(name: str) -> None:
    pytest.importorskip("keras")
    engine, recipe = ENGINES[name].make(), oracle.recipe("mean_squared_error", "sgd", epochs=1)
    split, facts = oracle.data(recipe.task)
    untimed = oracle.by_engine(engine, recipe, split, facts)
    assert engine.predict_times is None
    limits = NetworkLimits(predict_ms=60_000.0)
    task = TrainingTask(recipe, split, facts, oracle.build_of(recipe), limits=limits, is_timed=True)
    result = engine.train(task, lambda record: True)
    assert result.value == untimed[0].value  # it leaves weights and seeds as they are
    assert engine.predict_times.one_row_ms > 0.0
    assert engine.predict_times.batch_ms > 0.0
    with pytest.raises(NetworkLimitError, match="ms to predict one row, more than the limit of 1e-06"):
        engine.train(dataclasses.replace(task, limits=NetworkLimits(predict_ms=1e-6)), lambda record: True)
    assert engine.predict_times.one_row_ms > 0.0
    known = PredictTimes(1.0, 2.0)
    task = dataclasses.replace(task, limits=NetworkLimits(), predict_times=known, is_timed=False)
    engine.train(task, lambda record: True)
    assert engine.predict_times == known


@pytest.mark.slow
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("whole", [False, True])
def test_what_is_timed_is_the_network_in_inference(
    batch_norm: bool, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its function answers as Keras does: joined from layers, then for any weights, or extracted from the whole."""
    keras = pytest.importorskip("keras")

    def build(inputs: Any, outputs: int, **options: Any) -> Any:
        rows = keras.Input(inputs)
        hidden = keras.layers.Dense(5, activation="tanh")(rows)
        hidden = keras.layers.BatchNormalization()(hidden) if batch_norm else hidden
        hidden = keras.layers.Dropout(0.5)(hidden) if batch_norm else hidden
        return keras.Model(rows, keras.layers.Dense(outputs, bias_initializer="ones")(hidden))

    if whole:
        monkeypatch.setattr("tuner.engines.compiled.network.find_calls", refuse_calls)
    engine, recipe = ENGINES["compiled"].make(), oracle.recipe("mean_squared_error", "sgd", epochs=1)
    split, facts = oracle.data(recipe.task)
    engine.train(TrainingTask(recipe, split, facts, build), lambda record: True)
    x = split.validation.x[:3]
    found = engine._last.answer()(x)
    expected = engine.trained_model().predict_on_batch(x) if whole else np.zeros((3, facts.outputs))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    if not whole:
        with_weights = engine._last.answers()(tf_constant(x), *map(tf_constant, engine.weights()))[0].numpy()
        np.testing.assert_allclose(with_weights, engine.trained_model().predict_on_batch(x), rtol=1e-5, atol=1e-6)


def tf_constant(array: np.ndarray) -> Any:
    import tensorflow as tf

    return tf.constant(array)


def refuse_calls(*given: Any) -> Any:
    raise UnsupportedError("planted")


@pytest.mark.parametrize("name", ["fit", "compiled", "own_loop"])
def test_no_step_is_trained_and_no_program_traced(name: str) -> None:
    pytest.importorskip("keras")
    engine, called = ENGINES[name].make(), list[str]()
    recipe = oracle.recipe("mean_squared_error", "sgd", epochs=1)
    if name == "own_loop":
        LOOPS.add_user_row(LoopEntry("mine.py:limited", "", "", lambda: lambda *given: called.append("loop")))
        recipe = recipe.model_copy(update={"loop": Choice(name="mine.py:limited")})
    split, facts = oracle.data(recipe.task)

    def on_epoch(record: Any) -> bool:
        called.append("epoch")
        return True

    task = TrainingTask(recipe, split, facts, oracle.build_of(recipe), limits=NetworkLimits(weights=36))
    with pytest.raises(NetworkLimitError, match="37 weights, more than the limit of 36"):
        engine.train(task, on_epoch)
    assert called == []
    assert engine.compile_stats[0] == 0
    assert engine.network_size == NetworkSize(37, 37, 30)


@pytest.mark.slow
def test_a_network_over_the_limit_of_its_size_is_built_without_values() -> None:
    """Most of the time of building it is in its values; a network within the limit is built as ever."""
    keras = pytest.importorskip("keras")
    recipe = oracle.recipe("mean_squared_error", "sgd", epochs=1)
    plain, drawn, names = oracle.build_of(recipe), list[int](), list[str]()

    class Counting(keras.initializers.Initializer):
        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            drawn.append(len(shape))
            return keras.ops.zeros(shape, dtype)

    def build(*arguments: Any, **options: Any) -> Any:
        model = plain(*arguments, **{**options, "initializer": Counting()})
        names.append(model.layers[-1].name)
        return model

    split, facts = oracle.data(recipe.task)
    task = TrainingTask(recipe, split, facts, build, limits=NetworkLimits(weights=36))
    engine = ENGINES["fit"].make()
    with pytest.raises(NetworkLimitError):
        engine.train(task, lambda record: True)
    assert (drawn, len(names)) == ([], 1)
    engine.train(dataclasses.replace(task, limits=NetworkLimits(weights=37)), lambda record: True)
    assert drawn != []
    assert len(names) == 3
    assert len(set(names)) == 1, "names are counted from the beginning"


@pytest.mark.slow
def test_a_model_that_needs_the_values_of_its_weights_is_built_with_them() -> None:
    pytest.importorskip("keras")
    recipe = oracle.recipe("mean_squared_error", "sgd", epochs=1)
    plain = oracle.build_of(recipe)

    def build(*arguments: Any, **options: Any) -> Any:
        model = plain(*arguments, **options)
        model.set_weights(model.get_weights())
        return model

    split, facts = oracle.data(recipe.task)
    engine = ENGINES["fit"].make()
    for limit, over in ((36, True), (37, False)):
        task = TrainingTask(recipe, split, facts, build, limits=NetworkLimits(weights=limit))
        if over:
            with pytest.raises(NetworkLimitError, match="37 weights"):
                engine.train(task, lambda record: True)
        else:
            assert engine.train(task, lambda record: True).state == "complete"

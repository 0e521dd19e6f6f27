"""Training loops of the user: the same numbers as `fit`, every end of a training, and what a loop gets wrong."""

from __future__ import annotations

import re
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import oracle
import pytest

from tuner.catalog import LOOPS, SCHEDULES, Choice, Recipe, Task
from tuner.catalog.entries import LoopEntry
from tuner.data import PreparedData
from tuner.engines import ENGINES, EpochRecord, TrainingResult, TrainingTask, run_trial
from tuner.errors import CheckpointError, ContentError, UnsupportedError

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.slow

NAME = "mine.py:train"
Loop = Callable[..., Any]


def recipe_with(loop: Loop, **given: Any) -> Recipe:
    """A recipe that is trained by a loop."""
    LOOPS.add_user_row(LoopEntry(NAME, "", "", lambda: loop))
    return oracle.recipe("categorical_crossentropy", **{"loop": Choice(name=NAME), "batch_size": oracle.ROWS, **given})


def train(
    loop: Loop, go_on: Callable[[EpochRecord], bool] = lambda record: True, **given: Any
) -> tuple[Any, TrainingResult, list[EpochRecord]]:
    recipe, (split, facts) = recipe_with(loop, **given), oracle.data(Task.MULTICLASS, weighted=True)
    engine, records = ENGINES["auto"].make(), list[EpochRecord]()

    def on_epoch(record: EpochRecord) -> bool:
        records.append(record)
        return go_on(record)

    task = TrainingTask(recipe, split, facts, oracle.build_of(recipe), probe_epochs=(1, 3))
    return engine, engine.train(task, on_epoch), records


def by_fit(model: Any, recipe: Any, data: Any, report: Any) -> Any:
    given = {"batch_size": recipe.batch_size, "epochs": recipe.epochs, "callbacks": [report.callback()], "verbose": 0}
    return model.fit(data.train.x, data.train.y, sample_weight=data.train.weight, **given)


def by_steps(model: Any, recipe: Any, data: Any, report: Any, epochs: int | None = None) -> None:
    """Whole batches, eagerly."""
    import tensorflow as tf

    optimizer, loss = recipe.optimizer(), recipe.loss()
    for epoch in range(1, (epochs or recipe.epochs) + 1):
        with tf.GradientTape() as tape:
            value = loss(data.train.y, model(data.train.x, training=True), sample_weight=data.train.weight)
        weights = model.trainable_variables
        optimizer.apply(tape.gradient(value, weights), weights)
        report(epoch, loss=value)


@pytest.mark.parametrize(
    ("loop", "schedule", "options"),
    [(by_fit, "cosine", {}), (by_steps, "reduce_on_plateau", {"patience": 1})],
    ids=["fit", "steps"],
)
def test_a_loop_that_does_what_fit_does_has_its_numbers(loop: Loop, schedule: str, options: dict[str, Any]) -> None:
    chosen = Choice(name=schedule, options={**SCHEDULES[schedule].defaults(), **options})
    given = {"schedule": chosen, "learning_rate": 0.5, "epochs": 5}
    engine, result, records = train(loop, **given)
    recipe, (split, facts) = recipe_with(loop, **given), oracle.data(Task.MULTICLASS, weighted=True)
    expected: list[EpochRecord] = []
    task = TrainingTask(recipe, split, facts, oracle.build_of(recipe), probe_epochs=(1, 3))
    ENGINES["fit"].make().train(task, lambda record: expected.append(record) is None)
    for one, other in zip(records, expected, strict=True):
        for name in ("metric", "val_loss", "loss"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-4)
        assert [probe.epoch for probe in one.probes] == [probe.epoch for probe in other.probes]
    assert (engine.last_engine, engine.fallback_reason) == ("own_loop", None)
    assert result.epochs == (5,)
    outputs = engine.trained_model().predict(split.validation.x, verbose=0)
    losses = -np.log(np.sum(outputs * split.validation.y, axis=1))
    assert result.value == pytest.approx(np.average(losses, weights=split.validation.weight), rel=1e-4)


def test_the_best_epoch_gives_the_model_and_patience_ends_the_loop() -> None:
    done = []

    def loop(model: Any, recipe: Any, data: Any, report: Any) -> None:
        try:
            by_steps(model, recipe, data, report)
        except Exception:  # what ends a loop is no error that it may catch
            done.append("caught")
        finally:
            done.append("finally")

    engine, result, records = train(loop, learning_rate=30.0, epochs=50, keep="best", patience=4)
    assert len(records) < 50
    assert done == ["finally"]
    assert result.state == "complete"
    assert result.value == records[result.epochs[0] - 1].metric != records[-1].metric


def test_the_next_training_frees_the_memory_of_the_model() -> None:
    handles = [weakref.ref(variable.value.handle) for variable in train(by_fit)[0].trained_model().variables]
    train(by_fit)
    assert [handle() for handle in handles] == [None] * len(handles)


def test_a_pruner_ends_the_loop() -> None:
    _, result, records = train(by_fit, go_on=lambda record: record.epoch < 2)
    assert (result.state, result.reason, len(records)) == ("pruned", "pruned after epoch 2", 2)


def test_a_loop_that_never_reports_has_one_epoch() -> None:
    def loop(model: Any, recipe: Any, data: Any, report: Any) -> Any:
        model.compile("sgd", "mse")  # which measures nothing here
        return model.fit(data.train.x, data.train.y, epochs=3, verbose=0)

    engine, result, records = train(loop)
    assert [record.epoch for record in records] == [1]
    assert result.epochs == (1,)
    assert records[0].loss < 0.5
    assert isinstance(engine.trained_model().optimizer, keras.optimizers.SGD)
    assert engine.trained_model().loss != "mse"


def test_a_loop_may_end_early_in_each_fold() -> None:
    recipe, (split, facts) = recipe_with(lambda *given: by_steps(*given, epochs=2)), oracle.data(Task.MULTICLASS)
    prepared, engine = PreparedData(facts, (split, split)), ENGINES["own_loop"].make()
    result = run_trial(engine, recipe, prepared, oracle.build_of(recipe), lambda record, report: True)
    assert (result.state, result.epochs) == ("complete", (2, 2))


def test_numbers_that_are_not_finite_end_the_training() -> None:
    def loop(model: Any, recipe: Any, data: Any, report: Any) -> None:
        model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
        report(1)

    _, result, _ = train(loop)
    assert result.state == "diverged"

    def later(model: Any, recipe: Any, data: Any, report: Any) -> None:
        by_steps(model, recipe, data, report, epochs=1)
        report(2, loss=np.inf)

    _, result, _ = train(later)
    assert (result.state, result.findings[0].verdict) == ("diverged", "diverged")


def spoil(model: Any) -> None:
    model.set_weights([weight + 1.0 for weight in model.get_weights()])


def changes_rows(model: Any, recipe: Any, data: Any, report: Any) -> None:
    data.train.x[0] = 0.0


def exits(model: Any, recipe: Any, data: Any, report: Any) -> None:
    sys.exit(3)


def raises(model: Any, recipe: Any, data: Any, report: Any) -> None:
    raise KeyError("units")


def reports_twice(model: Any, recipe: Any, data: Any, report: Any) -> None:
    spoil(model)
    report(1)
    report(1)


def reports_from_0(model: Any, recipe: Any, data: Any, report: Any) -> None:
    report(0)


def reports_a_value(model: Any, recipe: Any, data: Any, report: Any) -> None:
    report(1, 0.93)


def reports_a_text(model: Any, recipe: Any, data: Any, report: Any) -> None:
    report(1, loss="low")


def trains_nothing(model: Any, recipe: Any, data: Any, report: Any) -> None:
    return None


def trains_another(model: Any, recipe: Any, data: Any, report: Any) -> Any:
    spoil(model)
    return keras.Sequential([keras.layers.Dense(1)])


def returns_a_value(model: Any, recipe: Any, data: Any, report: Any) -> float:
    spoil(model)
    return 0.93


def returns_rows(model: Any, recipe: Any, data: Any, report: Any) -> Any:
    spoil(model)
    return np.zeros((3, 2))


def returns_a_list(model: Any, recipe: Any, data: Any, report: Any) -> Any:
    spoil(model)
    return {"loss": [[1.0]]}


@pytest.mark.parametrize(
    ("loop", "message"),
    [
        (changes_rows, "mine.py:train changes an array of data in place. Change a copy: x = data.train.x.copy()."),
        (exits, "A training loop ends by returning, but mine.py:train called sys.exit(3). Return instead."),
        (raises, "'units'"),
        (reports_twice, "report counts the epochs that are trained, so 2 comes next, but got 1."),
        (reports_from_0, "report counts the epochs that are trained, so the first one is 1, but got 0."),
        (reports_a_value, "report(epoch) measures the objective itself, but got the value 0.93 with it."),
        (reports_a_text, "The loss that a loop reports must be a number, but got 'low'."),
        (trains_nothing, "mine.py:train left its weights unchanged. Train its first argument"),
        (trains_another, "mine.py:train returned another one. Train its first argument."),
        (returns_a_value, "mine.py:train returned 0.93. The objective is measured on its model: leave the value out."),
        (returns_rows, "A training loop returns nothing, a Keras History, a dict or its model"),
        (returns_a_list, "The loss that a loop reports must be a number, but got [1.0]."),
    ],
)
def test_what_a_loop_gets_wrong_is_one_sentence(loop: Loop, message: str) -> None:
    with pytest.raises((ContentError, KeyError, TypeError, ValueError), match=re.escape(message)):
        train(loop)


def test_it_has_no_checkpoints_and_trains_loops_alone() -> None:
    engine, (split, facts) = ENGINES["own_loop"].make(), oracle.data(Task.MULTICLASS)
    with pytest.raises(CheckpointError, match="an interrupted trial starts over"):
        engine.state()
    plain = oracle.recipe("categorical_crossentropy")
    with pytest.raises(UnsupportedError, match="the recipe has standard"):
        engine.train(TrainingTask(plain, split, facts, oracle.build_of(plain)), lambda record: True)

"""The compiled engine trains as `model.fit` does: weights and what is measured, after three epochs."""

from __future__ import annotations

import dataclasses
from typing import Any
from unittest import mock

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.catalog import LOSSES, OPTIMIZERS, Choice, ModelChoice, Task

pytest.importorskip("keras")
pytestmark = pytest.mark.slow

SCHEDULES = (
    Choice(name="cosine", options={"warmup": 0.2}),
    Choice(name="one_cycle"),
    Choice(name="reduce_on_plateau", options={"patience": 1, "factor": 0.5, "min_delta": 1e6}),
)
SINGLE = ModelChoice(reference="tests/engines/single_layer.py", sha256="")


@pytest.fixture(scope="module")
def engine() -> Any:
    from tuner.engines import ENGINES
    from tuner.engines.compiled import epoch_runner

    with mock.patch.object(epoch_runner, "MAX_EPOCH_GRAPHS", 1000):
        return ENGINES["compiled"].make()


def assert_same_by_whole_epochs(engine: Any, recipe: Any, split: Any, facts: Any, records: Any, where: str) -> None:
    """The training before this one, once more: the same to the last bit."""
    found, made = engine.weights(), engine.compile_stats[0]
    with mock.patch("tuner.engines.compiled.epoch_runner.MIN_STEPS_FOR_EPOCH_GRAPH", 0):
        again = oracle.by_engine(engine, recipe, split, facts)[1]
    assert engine.compile_stats[0] <= made + 1
    for ours, same in zip(found, engine.weights(), strict=True):
        np.testing.assert_array_equal(ours, same, err_msg=where)
    timeless = [[dataclasses.replace(record, seconds=0.0) for record in each] for each in (records, again)]
    assert timeless[0] == timeless[1], where


def by_xla(engine: Any, recipe: Any, split: Any, facts: Any) -> Any:
    """How the training ends where XLA compiles what it can: not dropout, and not the shapes in a loop of an LSTM."""
    from tuner.engines.compiled import xla_policy
    from tuner.engines.compiled.epoch_runner import EpochRunner

    compiled, used = EpochRunner.xla_epoch_graph, []

    def noted(*given: Any) -> Any:
        used.append(compiled(*given))
        return used[-1]

    with (
        mock.patch.multiple(xla_policy, MIN_TOTAL_S=0.0, MIN_SPEEDUP=0.0),
        mock.patch.object(EpochRunner, "xla_epoch_graph", noted),
    ):
        found = oracle.by_engine(engine, recipe, split, facts)
    if "dropout" in recipe.model.options:
        assert not used
    elif "lstm" in recipe.model.reference:
        assert used == [None]
    else:
        assert len(used) >= len(found[1])
        assert all(used)
    return found


def assert_equal(
    engine: Any,
    recipe: Any,
    split: Any,
    facts: Any,
    eager: bool = True,
    where: str = "",
    in_all_ways: bool = True,
    with_xla: bool = True,
) -> None:
    """Step by step, with a program of whole epochs and by XLA where that is asked for, and by `model.fit`."""
    found = [(*oracle.by_engine(engine, recipe, split, facts), engine.weights())]
    if in_all_ways:
        assert_same_by_whole_epochs(engine, recipe, split, facts, found[0][1], where)
    if in_all_ways and with_xla:
        found.append((*by_xla(engine, recipe, split, facts), engine.weights()))
    expected, measured, epoch = oracle.by_fit(recipe, split, facts, eager)
    for training, records, weights in found:
        assert training.state == "complete", where
        for ours, theirs in zip(weights, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6, err_msg=where)
        ours = [(record.loss, record.val_loss, record.metric, record.learning_rate) for record in records]
        np.testing.assert_allclose(ours, measured, rtol=1e-4, err_msg=where)
        assert training.epochs == (epoch,)
        assert training.value == records[epoch - 1].metric


@pytest.mark.parametrize("loss", list(LOSSES))
def test_every_loss_with_a_third_of_the_optimizers(engine: Any, loss: str) -> None:
    """Loss and update are composed, so not each pair is trained: each optimizer meets at least four losses."""
    task, turn = next(iter(LOSSES[loss].heads)), list(LOSSES).index(loss)
    split, facts = oracle.data(task)
    for number, optimizer in enumerate(OPTIMIZERS):
        if number % 3 != turn % 3:
            continue
        schedule = SCHEDULES[(number + len(loss)) % len(SCHEDULES)]
        recipe = oracle.recipe(loss, optimizer, schedule=schedule, model=SINGLE)
        in_all_ways = number % 4 == len(loss) % 4
        where = f"{loss} {optimizer} {schedule.name}"
        assert_equal(engine, recipe, split, facts, where=where, in_all_ways=in_all_ways)


def options(optimizer: str, **given: Any) -> Choice:
    return Choice(name=optimizer, options={**OPTIMIZERS[optimizer].defaults(), **given})


MLP = {"reference": "models/mlp.py", "sha256": ""}
VARIANTS: dict[str, dict[str, Any]] = {
    "clipnorm": {"clipping": Choice(name="clipnorm", options={"norm": 0.1})},
    "clipnorm, another": {"clipping": Choice(name="clipnorm", options={"norm": 0.3}), "optimizer": options("adam")},
    "clipvalue": {"clipping": Choice(name="clipvalue", options={"value": 0.02})},
    "global_clipnorm": {"clipping": Choice(name="global_clipnorm", options={"norm": 0.1})},
    "l1": {"l1": 0.01},
    "l2": {"l2": 0.02},
    "l1 and l2": {"l1": 0.01, "l2": 0.003},
    "weight decay of sgd": {"weight_decay": 0.1},
    "weight decay of adamw": {"weight_decay": 0.05, "optimizer": options("adamw")},
    "weight decay of muon": {"weight_decay": 0.05, "optimizer": options("muon")},
    "no weight decay": {"weight_decay": 0.0, "optimizer": options("adamw")},
    "class weights": {"class_weight": {0: 0.5, 1: 2.0, 2: 1.3}},
    "no momentum": {"momentum": 0.0},
    "no momentum of rmsprop": {"momentum": 0.0, "optimizer": options("rmsprop")},
    "no momentum of lion": {"momentum": 0.0, "optimizer": options("lion")},
    "momentum": {"momentum": 0.95},
    "nesterov": {"optimizer": options("sgd", nesterov=True)},
    "amsgrad": {"optimizer": options("adam", amsgrad=True)},
    "centered": {"optimizer": options("rmsprop", centered=True)},
    "beta_2": {"optimizer": options("adam", beta_2=0.9999, epsilon=1e-5)},
    "rho": {"optimizer": options("rmsprop", rho=0.999999, epsilon=1e-5), "learning_rate": 1e-3},
    "accumulator": {"optimizer": options("adagrad", initial_accumulator_value=0.7)},
    "ftrl": {
        "optimizer": options("ftrl", l1_regularization_strength=0.01, l2_regularization_strength=0.02, beta=0.3),
    },
    "power of ftrl": {
        "optimizer": options("ftrl", learning_rate_power=-0.7, initial_accumulator_value=0.3),
    },
    "label smoothing": {"label_smoothing": 0.2},
    "batch normalisation": {"model": ModelChoice(**MLP, options={"units": 5, "batch_norm": True})},
    "dropout": {"model": ModelChoice(**MLP, options={"units": 6, "dropout": 0.4})},
    "one batch": {"batch_size": 64},
    "whole batches": {"batch_size": 11},
    "epochs": {"epochs": 5, "schedule": Choice(name="exponential")},
    "last epoch": {"epochs": 5, "last_epoch": 2, "schedule": Choice(name="cosine")},
    "best epoch": {"epochs": 8, "keep": "best", "learning_rate": 0.5},
    "best epoch with dropout and statistics": {
        "epochs": 6,
        "keep": "best",
        "optimizer": options("adam"),
        "model": ModelChoice(**MLP, options={"units": 6, "dropout": 0.2, "batch_norm": True}),
    },
    "early stopping": {"epochs": 30, "keep": "best", "patience": 2, "learning_rate": 0.5},
    "early stopping at the last epoch": {"epochs": 30, "patience": 2, "learning_rate": 0.5},
    "average of the weights": {"ema_momentum": 0.8, "epochs": 4},
    "average of the weights of the best epoch": {
        "ema_momentum": 0.6,
        "epochs": 6,
        "keep": "best",
        "optimizer": options("adam"),
        "model": ModelChoice(**MLP, options={"units": 6, "dropout": 0.2, "batch_norm": True}),
    },
    "average of the weights of muon": {"ema_momentum": 0.8, "optimizer": options("muon")},
    "no average of the weights": {"ema_momentum": 0.0},
    "head of the model": {"head": "model", "loss": "categorical_hinge"},
}


ONLY_NUMBERS = (
    "clipnorm, another", "l1", "l2", "no weight decay", "momentum", "beta_2", "rho", "accumulator", "label smoothing",
    "epochs", "last epoch", "early stopping at the last epoch", "no average of the weights",
)  # fmt: skip
"""Variants that differ by numbers alone from others here, or from losses with each optimizer: XLA takes a second."""


@pytest.mark.parametrize("name", list(VARIANTS))
def test_what_a_recipe_may_say_besides(engine: Any, name: str) -> None:
    split, facts = oracle.data(Task.MULTICLASS)
    recipe = oracle.recipe(**{"loss": "categorical_crossentropy", **VARIANTS[name]})
    assert_equal(engine, recipe, split, facts, with_xla=name not in ONLY_NUMBERS)


@pytest.mark.parametrize(
    ("loss", "given", "task"),
    [
        ("huber", {"delta": 0.3}, Task.REGRESSION),
        ("quantile", {"tau": 0.8}, Task.REGRESSION),
        ("binary_focal_crossentropy", {"gamma": 3.5, "alpha": 0.2}, Task.BINARY),
        ("binary_focal_crossentropy", {"gamma": 1.0, "alpha": 1.0}, Task.MULTILABEL),
        ("categorical_focal_crossentropy", {"gamma": 1.5}, Task.MULTICLASS),
        ("mean_squared_error", {}, Task.BINARY),
    ],
)
def test_options_of_losses_with_sample_weights(engine: Any, loss: str, given: dict[str, Any], task: Task) -> None:
    split, facts = oracle.data(task, weighted=True)
    smoothing = 0.1 if LOSSES[loss].label_smoothing else 0.0
    recipe = oracle.recipe(Choice(name=loss, options=given), task=task, label_smoothing=smoothing)
    if task is Task.BINARY:
        recipe = recipe.model_copy(update={"class_weight": {0: 0.5, 1: 3.0}})
    assert_equal(engine, recipe, split, facts)


@pytest.mark.parametrize(
    ("reference", "shape", "given"),
    [
        ("models/cnn.py", (6, 6), {"filters": [3], "dense": 4, "batch_norm": True, "dropout": 0.2}),
        ("models/lstm.py", (5, 2), {"units": 3, "dense": 4}),
        ("models/cnn1d.py", (6, 2), {"filters": [3], "dense": 4, "batch_norm": True}),
    ],
)
def test_other_models_in_a_graph_of_fit(engine: Any, reference: str, shape: tuple[int, ...], given: Any) -> None:
    """The plain training runs in its graph here, as users run it."""
    split, facts = oracle.data(Task.MULTICLASS, shape=shape)
    model = ModelChoice(reference=reference, sha256="", options=given)
    recipe = oracle.recipe("categorical_crossentropy", "adam", model=model, activation="relu")
    assert_equal(engine, recipe, split, facts, eager=False)


@st.composite
def recipes(draw: st.DrawFn) -> Any:
    """Recipes with anything in them that the tables have, but for the combinations that no tolerance fits."""
    loss = draw(st.sampled_from(list(LOSSES)))
    # Lion goes by signs and Muon multiplies by itself: what is rounded otherwise grows, whatever trains them.
    optimizer = draw(st.sampled_from([name for name in OPTIMIZERS if name not in ("lion", "muon")]))
    clipping = draw(st.sampled_from(("none", "clipnorm", "clipvalue", "global_clipnorm")))
    options = {"value" if clipping == "clipvalue" else "norm": draw(st.floats(0.05, 1.0))}
    return oracle.recipe(
        loss,
        optimizer,
        schedule=draw(st.sampled_from(SCHEDULES)),
        momentum=draw(st.floats(0.0, 0.95)) if OPTIMIZERS[optimizer].momentum else None,
        weight_decay=draw(st.sampled_from((None, 0.01))),
        clipping=Choice(name=clipping, options={} if clipping == "none" else options),
        l1=draw(st.sampled_from((0.0, 0.01))),
        l2=draw(st.sampled_from((0.0, 0.02))),
        label_smoothing=draw(st.floats(0.0, 0.3)) if LOSSES[loss].label_smoothing else 0.0,
        batch_size=draw(st.integers(3, 30)),
        seed=draw(st.integers(0, 2**32 - 1)),
        model=SINGLE,
    ), draw(st.booleans())


@settings(max_examples=8, deadline=None, derandomize=True)
@given(recipes())
def test_any_recipe(engine: Any, drawn: Any) -> None:
    recipe, weighted = drawn
    assert_equal(engine, recipe, *oracle.data(recipe.task, weighted=weighted), where=str(recipe))


@pytest.mark.parametrize("per_tensor", [True, False])
def test_a_new_optimizer_that_looks_at_whole_weights(engine: Any, per_tensor: bool) -> None:
    """One that Keras does not have, known by its row alone; a row that hides it would train otherwise."""
    import keras

    class Lars(keras.optimizers.SGD):
        """Steps in proportion to the norm of the weight (You et al. 2017, https://arxiv.org/abs/1708.03888)."""

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            ratio = keras.ops.norm(variable) / (keras.ops.norm(gradient) + 1e-6)
            super().update_step(gradient * ratio, variable, learning_rate)

    def build(learning_rate: float, momentum: Any, weight_decay: Any, clipping: Any, **options: Any) -> Any:
        return Lars(learning_rate, momentum=momentum, weight_decay=weight_decay, **clipping, name="lars")

    row = dataclasses.replace(
        OPTIMIZERS["sgd"], name="lars", build=build, options=(), per_tensor=per_tensor, linear=False
    )
    split, facts = oracle.data(Task.MULTICLASS)
    with mock.patch.dict(OPTIMIZERS._rows, lars=row):
        recipe = oracle.recipe("categorical_crossentropy", "lars", learning_rate=0.02)
        if per_tensor:
            assert_equal(engine, recipe, split, facts)
        else:
            with pytest.raises(AssertionError, match="Not equal to tolerance"):
                assert_equal(engine, recipe, split, facts, in_all_ways=False)

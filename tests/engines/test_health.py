"""Health of real trainings: planted failures, a backward pass in NumPy, and both engines against each other."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import oracle
import pytest

from tuner.catalog import ModelChoice, Recipe, Task, build_model, compile_model, fit_options
from tuner.data import Split
from tuner.engines import ENGINES, Engine, EpochRecord, TrainingResult, TrainingTask, run_trial
from tuner.engines.prober import Prober
from tuner.errors import UnsupportedError
from tuner.health import HealthOptions, Probe, probe_rows

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")
planted = pytest.importorskip("planted")
pytestmark = pytest.mark.slow

NAMES = ("fit", "compiled")


@pytest.fixture(scope="module", params=NAMES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param].make()


@pytest.mark.parametrize("case", planted.CASES)
def test_each_failure_gets_its_verdict(engine, case):
    expected, _, variant = case.partition(", ")
    once = variant or engine.name == "fit"  # both engines measure the same, and `fit` takes longer
    for seed in range(1 if once else 3):
        training = planted.train(engine, case, seed)
        allowed = ("exploding", "diverged") if expected == "exploding" else (expected,)
        assert training.findings[0].verdict in allowed, f"seed {seed}: {training}"
        if expected == "vanishing":
            assert training.findings[0].layer == "hidden_1"


def test_a_training_is_ended_by_its_verdict(engine):
    seen: list[int] = []
    options = HealthOptions(stop=("dead units",))

    def on_epoch(record: EpochRecord, report: object) -> bool:
        seen.append(record.epoch)
        return True

    training = planted.train(engine, "dead units", 0, on_epoch, options)
    assert (training.state, training.value, seen) == ("diverged", None, [1])
    assert training.reason is not None
    assert "hidden_1" in training.reason


def values_of(model: keras.Model) -> list[np.ndarray]:
    """Its weights now."""
    return [keras.ops.convert_to_numpy(variable) for variable in model.trainable_variables]


def small(**given: object) -> tuple[Recipe, Split, SimpleNamespace]:
    """A two-layer network with tanh, batch by batch, on 22 weighted rows."""
    split, facts = oracle.data(Task.MULTICLASS, weighted=True)
    recipe = oracle.recipe("categorical_crossentropy", "sgd", learning_rate=0.5, **given)
    return recipe, split, SimpleNamespace(splits=[split], facts=facts)


@functools.cache
def engine_of(name: str) -> Engine:
    """An engine that keeps what it has traced: the recipes below share networks."""
    return ENGINES[name].make()


def probes_of(
    name: str, recipe: Recipe, prepared: SimpleNamespace, measure: bool = True
) -> tuple[list[Probe], TrainingResult]:
    records: list[EpochRecord] = []

    def on_epoch(record: EpochRecord, report: object) -> bool:
        records.append(record)
        return True

    options = HealthOptions(measure=measure)
    training = run_trial(engine_of(name), recipe, prepared, oracle.build_of(recipe), on_epoch, options)  # type: ignore[arg-type]
    return [probe for record in records for probe in record.probes], training


def backward(weights: list[np.ndarray], split: Split) -> tuple[float, list[np.ndarray], np.ndarray]:
    """Loss, gradients and hidden values of `softmax(tanh(x W + b) V + c)` under the weighted cross-entropy."""
    w, b, v, c = (array.astype(np.float64) for array in weights)
    chosen = probe_rows(len(split.train))
    x, y, weight = (part[chosen].astype(np.float64) for part in (split.train.x, split.train.y, split.train.weight))
    hidden = np.tanh(x @ w + b)
    raw = hidden @ v + c
    p = np.exp(raw - raw.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = float(-(weight * np.log((p * y).sum(axis=1))).sum() / len(x))
    by_raw = (p - y) * weight[:, None] / len(x)
    by_hidden = (by_raw @ v.T) * (1 - hidden**2)
    return loss, [x.T @ by_hidden, by_hidden.sum(axis=0), hidden.T @ by_raw, by_raw.sum(axis=0)], hidden


def test_gradients_are_those_of_a_backward_pass_in_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    from tuner.engines.compiled import probe_functions
    from tuner.engines.compiled.engine import CompiledEngine
    from tuner.engines.fit import make_prober

    recipe, split, prepared = small()
    model = compile_model(build_model(recipe, (4,), 3, oracle.build_of(recipe)), recipe)
    loss, gradients, _ = backward(values_of(model), split)
    train = [tf.constant(part) for part in (split.train.x, split.train.y, split.train.weight)]

    def probers() -> Iterator[Prober]:
        """The probers of a model, of a network that is joined from layers, and of two that are traced as a whole."""
        yield make_prober(model, model.loss, recipe, split, (1,))
        for whole, same in ((False, True), (True, True), (True, False)):
            if whole:
                monkeypatch.setattr("tuner.engines.compiled.network.find_calls", refuse_calls)
            monkeypatch.setattr("tuner.engines.compiled.network.same_in_training", lambda model, same=same: same)
            programs = CompiledEngine()._cache
            network = programs.network(recipe, prepared.facts, oracle.build_of(recipe))
            program = programs.prepare(recipe, prepared.facts, network, weighted=True)
            assert sum(programs.networks_by_size.values()) == whole
            yield probe_functions.make_prober(program, recipe, split, train, (1,))

    looks = [prober.measure() for prober in probers()]
    for look in looks:
        assert look.loss == pytest.approx(loss, rel=1e-5)
        np.testing.assert_array_equal(look.shares, looks[0].shares)
        for found, expected in zip(look.gradients, gradients, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


def refuse_calls(*given: object) -> None:
    raise UnsupportedError("the network is traced as a whole")


@pytest.mark.parametrize("name", NAMES)
def test_a_probe_has_the_numbers_of_its_layers(name):
    recipe, split, prepared = small(epochs=1)
    model = build_model(recipe, (4,), 3, oracle.build_of(recipe))
    start = values_of(model)
    loss, gradients, hidden = backward(start, split)
    (first, second), _ = probes_of(name, recipe, prepared)
    assert (first.epoch, second.epoch) == (0, 1)
    assert first.loss == pytest.approx(loss, rel=1e-5)
    assert [layer.layer for layer in first.layers] == ["hidden_1", "hidden_1_activation", "outputs"]
    dense, tanh, outputs = first.layers
    assert dense.gradient_norm == pytest.approx(np.sqrt(sum((g**2).sum() for g in gradients[:2])), rel=1e-4)
    assert outputs.gradient_norm == pytest.approx(np.sqrt(sum((g**2).sum() for g in gradients[2:])), rel=1e-4)
    assert tanh.saturated_share == pytest.approx((abs(hidden) > 0.99).mean(), abs=1e-6)
    assert (tanh.gradient_norm, tanh.update_ratio, dense.dead_share, dense.update_ratio) == (None, None, None, None)
    mean = np.average(split.train.y, axis=0, weights=split.train.weight)
    constant = -(split.train.weight * np.log(mean)[split.train.y.argmax(axis=1)]).mean()
    assert first.constant_loss == pytest.approx(constant, rel=1e-4)
    trained = compile_model(build_model(recipe, (4,), 3, oracle.build_of(recipe)), recipe)
    oracle_weights = trained_by(name, recipe, split, prepared, trained)
    change = np.sqrt(sum(((now - then) ** 2).sum() for now, then in zip(oracle_weights[:2], start[:2], strict=True)))
    size = np.sqrt(sum((then**2).sum() for then in start[:2]))
    assert second.layers[0].update_ratio == pytest.approx(
        change / 3 / size, rel=1e-3
    )  # 22 rows in batches of 8: 3 steps


def trained_by(
    name: str, recipe: Recipe, split: Split, prepared: SimpleNamespace, model: keras.Model
) -> list[np.ndarray]:
    """Weights after the recipe's epochs."""
    from tuner.engines.compiled.engine import CompiledEngine

    if name == "compiled":
        engine = CompiledEngine()
        engine.train(TrainingTask(recipe, split, prepared.facts, oracle.build_of(recipe)), lambda record: True)
        return engine.weights()
    model.fit(split.train.x, split.train.y, sample_weight=split.train.weight, verbose=0, **fit_options(recipe))
    return values_of(model)


@pytest.mark.parametrize("head", ["auto", "model"])
@pytest.mark.parametrize("loss", ["categorical_crossentropy", "mean_squared_error", "categorical_hinge"])
def test_both_engines_measure_the_same_before_training(loss, head):
    split, facts = oracle.data(Task.MULTICLASS, weighted=True)
    options = {"units": 5, "layers": 2, "batch_norm": True, "dropout": 0.3}
    model = ModelChoice(reference="models/mlp.py", sha256="", options=options)
    recipe = oracle.recipe(loss, "adam", Task.MULTICLASS, epochs=1, model=model, activation="relu", l2=0.1)
    if head == "model":
        recipe = recipe.model_copy(update={"head": "model"})
    prepared = SimpleNamespace(splits=[split], facts=facts)
    with oracle.eagerly():
        fit = probes_of("fit", recipe, prepared)[0][0]
    compiled = probes_of("compiled", recipe, prepared)[0][0]
    assert compiled.loss == pytest.approx(fit.loss, rel=1e-5)
    assert compiled.constant_loss == pytest.approx(fit.constant_loss, rel=1e-5)
    for one, other in zip(compiled.layers, fit.layers, strict=True):
        for name, value in vars(one).items():
            expected = getattr(other, name)
            assert value == (
                expected if not isinstance(expected, float) else pytest.approx(expected, rel=1e-4, abs=1e-7)
            )


@pytest.mark.parametrize("name", NAMES)
def test_a_probe_changes_nothing(name):
    options = {"units": 5, "layers": 2, "batch_norm": True, "dropout": 0.3}
    recipe, _, prepared = small(model=ModelChoice(reference="models/mlp.py", sha256="", options=options))
    measured, with_probes = probes_of(name, recipe, prepared)
    unmeasured, without = probes_of(name, recipe, prepared, measure=False)
    assert (len(measured), unmeasured, without.findings) == (4, [], ())
    assert with_probes.value == without.value


def test_what_probes_trace():
    from tuner.engines.compiled.engine import CompiledEngine

    engine = CompiledEngine()
    split, facts = oracle.data(Task.MULTICLASS)
    for networks, options in enumerate(({"units": 5, "layers": 1}, {"units": 5, "layers": 1, "dropout": 0.3}), 1):
        model = ModelChoice(reference="models/mlp.py", sha256="", options=options)
        for loss in ("categorical_crossentropy", "mean_squared_error"):
            for optimizer in ("sgd", "adam"):
                recipe = oracle.recipe(loss, optimizer, Task.MULTICLASS, epochs=1, model=model)
                engine.train(
                    TrainingTask(recipe, split, facts, oracle.build_of(recipe), probe_epochs=(1,)), lambda record: True
                )
        assert sum("probe" in key for key in engine._cache._functions) == 2 * networks, "one for each loss"


@pytest.mark.parametrize(
    ("changed", "plain"),
    [
        ({}, True),
        ({"options": {"dropout": 0.2}}, False),
        ({"options": {"batch_norm": True}}, False),
        ({"l2": 0.1}, False),
    ],
)
def test_a_plain_network_is_the_same_in_training(changed, plain):
    from tuner.engines.compiled.network import same_in_training

    options = {"units": 5, "layers": 1, **changed.pop("options", {})}
    model = ModelChoice(reference="models/mlp.py", sha256="", options=options)
    recipe = oracle.recipe("mean_squared_error", "sgd", Task.REGRESSION, model=model, **changed)
    assert same_in_training(build_model(recipe, (4,), 2, oracle.build_of(recipe))) is plain


def test_layers_of_others_are_not_taken_to_be_plain():
    from tuner.engines.compiled.network import same_in_training

    class Own(keras.layers.Dense):
        pass

    rows = keras.Input((4,))
    assert same_in_training(keras.Model(rows, keras.layers.Dense(2)(rows)))
    assert not same_in_training(keras.Model(rows, Own(2)(rows)))
    assert not same_in_training(keras.Model(rows, keras.layers.Dense(2, kernel_regularizer="l2")(rows)))
    assert not same_in_training(keras.Model(rows, keras.layers.Dense(2, activity_regularizer="l2")(rows)))

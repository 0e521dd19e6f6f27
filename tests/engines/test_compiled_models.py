"""Models of others: what the compiled engine refuses, with a reason, and what it trains as `model.fit` does."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import oracle
import pytest

from tuner.catalog import OPTIMIZERS, Choice, ModelChoice, Recipe, Task
from tuner.engines import ENGINES, EpochRecord, TrainingResult, TrainingTask
from tuner.errors import UnsupportedError

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")
FitEngine = pytest.importorskip("tuner.engines.fit").FitEngine
epoch_runner = pytest.importorskip("tuner.engines.compiled.epoch_runner")
pytestmark = pytest.mark.slow
layers = keras.layers


def own(build: Any, loss: str = "mean_squared_error", optimizer: str = "sgd", name: str = "", **given: Any) -> Recipe:
    """A recipe of a model of this file; those that one engine trains need names."""
    model = ModelChoice(reference=f"own.py:{build.__name__}", sha256=name or build.__name__)
    return oracle.recipe(loss, optimizer, model=model, **given)


def ends_in(*behind: Any) -> Any:
    """A model of these layers, one behind the other; each is made from `outputs` and the initializer."""

    def build(inputs: tuple[int, ...], outputs: int, *, activation: str, initializer: Any, **_: Any) -> Any:
        rows = x = keras.Input(inputs)
        for make in behind:
            x = make(outputs, initializer)(x)
        return keras.Model(rows, x)

    return build


def dense(outputs: int, initializer: Any, **options: Any) -> Any:
    return layers.Dense(outputs, kernel_initializer=initializer, **options)


class Halved(keras.Model):
    """A model whose training step is its own."""

    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


def own_step(inputs: tuple[int, ...], outputs: int, *, activation: str, initializer: Any, **_: Any) -> Any:
    rows = keras.Input(inputs)
    return Halved(rows, dense(outputs, initializer)(rows))


class Idle(keras.layers.Layer):
    """Has a kernel that it does not use."""

    kernel_regularizer = None

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(2,), name="kernel")

    def call(self, x: Any) -> Any:
        return x


class Shrinks(keras.layers.Layer):
    """Sets its weights itself."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], shape[-1]), name="kernel")

    def call(self, x: Any, training: bool = False) -> Any:
        if training:
            self.kernel.assign(self.kernel * 0.9)
        return x @ self.kernel


class Noise(keras.layers.Layer):
    """Adds noise in training, drawn from Keras's or TensorFlow's own generator."""

    def __init__(self, normal: Any) -> None:
        super().__init__()
        self.normal = normal

    def call(self, x: Any, training: bool = False) -> Any:
        return x + self.normal(keras.ops.shape(x)) if training else x


class Steps(keras.layers.Layer):
    """Counts in a variable of TensorFlow's."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = tf.Variable(0.0, trainable=False)

    def call(self, x: Any, training: bool = False) -> Any:
        if training:
            self.steps.assign_add(1.0)
        return x / (1.0 + 0.1 * self.steps)


class Scaled(keras.layers.Layer):
    """Multiplies with a constant that happens to be a variable of TensorFlow's."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = tf.Variable(0.5, trainable=False)

    def call(self, x: Any) -> Any:
        return x * self.factor


class Bounded(keras.layers.Layer):
    """Gives numbers between -3 and 3, by an activation that is not its end."""

    def __init__(self, outputs: int, initializer: Any) -> None:
        super().__init__()
        self.inner, self.activation = dense(outputs, initializer), keras.activations.sigmoid

    def build(self, shape: Any) -> None:
        self.inner.build(shape)

    def call(self, x: Any) -> Any:
        return 6.0 * self.activation(self.inner(x)) - 3.0


class Mean(keras.layers.Layer):
    """Subtracts a moving mean, which it learns in prediction as well."""

    def build(self, shape: Any) -> None:
        self.mean = self.add_weight(shape=(shape[-1],), initializer="zeros", trainable=False, name="mean")

    def call(self, x: Any) -> Any:
        self.mean.assign(0.9 * self.mean + 0.1 * keras.ops.mean(x, axis=0))
        return x - self.mean


def words(outputs: int, initializer: Any, rows: int = 8, **options: Any) -> Any:
    """Look up rows that repeat within a batch."""
    table = layers.Embedding(rows, 3, embeddings_initializer=initializer, **options)
    return lambda x: layers.Flatten()(table(x))


def twice(outputs: int, initializer: Any) -> Any:
    table = layers.Embedding(8, 3, embeddings_initializer=initializer)
    return lambda x: layers.Flatten()(table(x) + table(x + 1))


def whole(*given: Any, **options: Any) -> Any:
    """Look up rows behind an operation, so that the model is traced as a whole."""
    return lambda x: words(*given, **options)(keras.ops.abs(x))


def recurrent(outputs: int, initializer: Any) -> Any:
    """Draws a mask in prediction as well."""
    return lambda x: layers.GRU(3, dropout=0.3, seed=5)(layers.Reshape((-1, 2))(x))


REFUSED = {
    "a training step of its own": (own_step, {}, "overrides train_step"),
    "a constraint": (ends_in(lambda *given: dense(*given, kernel_constraint="non_neg")), {}, "has a constraint"),
    "a weight without a gradient": (ends_in(lambda *_: Idle(), dense), {}, "no gradient"),
    "sets a weight": (ends_in(lambda *_: Shrinks(), dense), {}, "kernel, which is trained"),
    "spectral normalization": (
        ends_in(lambda *given: layers.SpectralNormalization(dense(*given))),
        {},
        "kernel, which is trained",
    ),
    "Keras's generator": (ends_in(dense, lambda *_: Noise(keras.random.normal)), {}, "not an attribute of a layer"),
    "TensorFlow's generator": (ends_in(dense, lambda *_: Noise(tf.random.normal)), {}, "RandomStandardNormal"),
    "TensorFlow's variable": (ends_in(dense, lambda *_: Steps()), {}, "sets a variable that Keras does not know"),
    "a mask": (ends_in(lambda *_: layers.Masking(), dense), {}, "carry a mask"),
    "a softmax operation": (
        ends_in(dense, lambda *_: keras.ops.softmax),
        {"loss": "categorical_crossentropy", "head": "model"},
        "ends in a softmax or sigmoid",
    ),
    "an embedding and adamax": (
        ends_in(whole, dense),
        {"optimizer": "adamax"},
        "adamax handles each use of a row of an embedding",
    ),
    "an embedding and clipping": (
        ends_in(whole, dense),
        {"clipping": Choice(name="clipvalue", options={"value": 0.1})},
        "clipvalue handles each use of a row of an embedding",
    ),
}


@pytest.fixture(scope="module")
def both() -> tuple[Any, Any, Any]:
    """The engines `compiled` and `auto`, and how `auto` has trained a recipe that can be compiled."""
    auto = ENGINES["auto"].make()
    return ENGINES["compiled"].make(), auto, oracle.by_engine(auto, *compilable())[0]


@pytest.fixture
def eager_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine `fit` trains eagerly, where only whether it trains is asked."""
    fit = FitEngine.train

    def train(*given: Any) -> TrainingResult:
        with oracle.eagerly():
            return fit(*given)

    monkeypatch.setattr(FitEngine, "train", train)


def compilable() -> tuple[Any, Any, Any]:
    return oracle.recipe("mean_squared_error", "adam"), *oracle.data(Task.REGRESSION)


@pytest.mark.usefixtures("eager_fit")
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_compiled_is_trained_by_fit(both: tuple[Any, Any, Any], case: str) -> None:
    build, options, reason = REFUSED[case]
    compiled, auto, before = both
    recipe, known = own(build, name=case, **options), set(auto.fallback_reasons)
    split, facts = oracle.data(recipe.task)
    seen: list[int] = []

    def decide(record: EpochRecord) -> bool:
        seen.append(record.epoch)
        return True

    with pytest.raises(UnsupportedError, match=reason):
        compiled.train(TrainingTask(recipe, split, facts, build), decide)
    assert not seen
    assert auto.train(TrainingTask(recipe, split, facts, build), decide).state == "complete"
    assert seen == [1, 2, 3]
    (found,) = [text for key, text in auto.fallback_reasons.items() if key not in known]
    assert reason in found
    assert (auto.last_engine, auto.fallback_reason) == ("fit", found)
    assert oracle.by_engine(auto, *compilable())[0] == before, "programs outlive a session that fit has cleared"
    assert (auto.last_engine, auto.fallback_reason) == ("compiled", None)


@pytest.mark.usefixtures("eager_fit")
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_the_engine_of_a_recipe_does_not_depend_on_those_before() -> None:
    """A weight that only a penalty reaches: refused without one."""
    auto = ENGINES["auto"].make()
    build = ends_in(lambda *_: Idle(), dense)
    split, facts = oracle.data(Task.REGRESSION)
    for l2, used in ((0.0, "fit"), (0.1, "compiled"), (0.0, "fit")):
        auto.train(TrainingTask(own(build, l2=l2), split, facts, build), lambda record: True)
        assert auto.last_engine == used


EQUAL = {
    "an activation that is not the end": ends_in(dense, lambda *given: Bounded(*given)),
    "a constant of TensorFlow's": ends_in(dense, lambda *_: Scaled()),
    "state that prediction changes": ends_in(lambda *_: Mean(), dense),
    "a seed that prediction draws from": ends_in(recurrent, dense),
    "an embedding and plain steps": ends_in(whole, dense),
    "a softmax layer": ends_in(dense, lambda *_: layers.Softmax()),
}


@pytest.mark.parametrize("case", EQUAL)
def test_what_is_compiled_is_trained_as_by_fit(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    build = EQUAL[case]
    monkeypatch.setattr(oracle, "build_of", lambda recipe: build)
    options = {"loss": "categorical_crossentropy", "head": "model", "learning_rate": 30.0} if "softmax" in case else {}
    recipe = own(build, momentum=0.9, **options)
    split, facts = oracle.data(recipe.task)
    engine = ENGINES["compiled"].make()
    _, records = oracle.by_engine(engine, recipe, split, facts)
    weights, measured, _ = oracle.by_fit(recipe, split, facts)
    found = [(record.loss, record.val_loss, record.metric, record.learning_rate) for record in records]
    np.testing.assert_allclose(found, measured, rtol=1e-4)
    for ours, theirs in zip(engine.weights(), weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def chosen(optimizer: str, **options: Any) -> dict[str, Any]:
    return {"optimizer": Choice(name=optimizer, options={**OPTIMIZERS[optimizer].defaults(), **options})}


EMBEDDED: dict[str, dict[str, Any]] = {
    **{name: chosen(name) for name, row in OPTIMIZERS.items() if row.linear or row.squares(row.defaults())},
    "amsgrad": chosen("adam", amsgrad=True),
    "no momentum": {**chosen("rmsprop"), "momentum": 0.0},
    "weight decay": {**chosen("adamw"), "weight_decay": 0.1},
    "a penalty on other weights": {**chosen("adam"), "l2": 0.05},
}


LOOKUPS = {
    "by layers": words,
    "as a whole": whole,
    "called twice": twice,
    "with a penalty": functools.partial(words, embeddings_regularizer="l2"),
    "as a whole with a penalty": functools.partial(whole, embeddings_regularizer="l2"),
    "of many rows": functools.partial(words, rows=200_000),
}


def check_lookup(lookup: Any, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Train a model of an embedding by the engine, step by step and with an epoch graph, and by `model.fit`."""
    build = ends_in(lookup, dense)
    monkeypatch.setattr(oracle, "build_of", lambda recipe: build)
    optimizer = given["optimizer"].name
    own_rate = {"learning_rate": oracle.RATE.get(optimizer, 0.01)}
    recipe = own(build, **{**own_rate, "momentum": 0.8 if OPTIMIZERS[optimizer].momentum else None, **given})
    split, facts = oracle.data(recipe.task)
    split = dataclasses.replace(
        split,
        **{
            part: dataclasses.replace(getattr(split, part), x=np.abs(getattr(split, part).x))
            for part in ("train", "validation")
        },
    )
    weights, measured, _ = oracle.by_fit(recipe, split, facts, eager=False)
    engine = ENGINES["compiled"].make()
    for steps_for_graph in (1_000, 1):
        monkeypatch.setattr(epoch_runner, "MIN_STEPS_FOR_EPOCH_GRAPH", steps_for_graph)
        _, records = oracle.by_engine(engine, recipe, split, facts)
        found = [(record.loss, record.val_loss, record.metric, record.learning_rate) for record in records]
        np.testing.assert_allclose(found, measured, rtol=1e-4)
        for ours, theirs in zip(engine.weights(), weights, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("case", EMBEDDED)
def test_an_embedding_is_trained_as_by_fit(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras squares each use of a row by itself."""
    check_lookup(words, EMBEDDED[case], monkeypatch)


def test_an_embedding_with_a_centered_optimizer_is_left_to_fit() -> None:
    """Keras itself cannot train it if rows repeat: their mean square is below the square of their sum."""
    split, facts = oracle.data(Task.REGRESSION)
    build = ends_in(whole, dense)
    recipe = own(build, **chosen("rmsprop", centered=True))
    with pytest.raises(UnsupportedError, match="rmsprop handles each use of a row of an embedding"):
        ENGINES["compiled"].make().train(TrainingTask(recipe, split, facts, build), lambda record: True)


@pytest.mark.parametrize("lookup", LOOKUPS)
def test_any_lookup_is_trained_as_by_fit(lookup: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_lookup(LOOKUPS[lookup], chosen("adam"), monkeypatch)


@pytest.mark.parametrize("engine", ["compiled", "fit"])
def test_layers_without_a_name_are_called_the_same_whatever_was_built_before(engine: str) -> None:
    made, found = ENGINES[engine].make(), []
    for units in (3, 4):
        build = ends_in(lambda outputs, initializer, units=units: dense(units, initializer), dense)
        recipe = own(build, activation="relu" if units == 3 else "tanh")
        split, facts = oracle.data(recipe.task)
        records: list[EpochRecord] = []
        task = TrainingTask(recipe, split, facts, build, probe_epochs=(3,))
        made.train(task, lambda record, kept=records: kept.append(record) or True)
        found.append([layer.layer for layer in records[-1].probes[-1].layers])
    assert found == [["dense", "dense_1"]] * 2


@pytest.mark.parametrize("case", ["state that prediction changes", "a seed that prediction draws from"])
def test_a_look_does_not_change_what_fit_will_do(case: str) -> None:
    """With probes or without, and whether or not it is stopped to be measured."""
    build = EQUAL[case]
    recipe = own(build)
    split, facts = oracle.data(recipe.task)
    losses = []
    for probes in ((), (1, 2)):
        engine, found = ENGINES["fit"].make(), list[float]()
        engine.train(
            TrainingTask(recipe, split, facts, build, probe_epochs=probes),
            lambda record, f=found: f.append(record.loss) or True,
        )
        losses.append(found)
    assert losses[0] == losses[1]

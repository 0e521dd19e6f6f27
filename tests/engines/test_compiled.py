"""What the compiled engine promises besides equality: sharing, the same numbers twice, decisions, and a way out."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import oracle
import pytest

from tuner.catalog import Choice, ModelChoice, Recipe, Task
from tuner.data import PreparedData
from tuner.engines import ENGINES, EpochRecord, TrainingTask, run_trial

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engine() -> Any:
    return ENGINES["compiled"].make()


def numbers(engine: Any, recipe: Recipe) -> list[tuple[float, ...]]:
    """Train on the data of its task: what each epoch gave, without times."""
    split, facts = oracle.data(recipe.task)
    records = oracle.by_engine(engine, recipe, split, facts)[1]
    return [(record.epoch, record.loss, record.val_loss, record.metric, record.learning_rate) for record in records]


def test_recipes_that_share_a_program_do_not_influence_each_other(engine: Any) -> None:
    """Momentum, rate, penalties, options, seed and initializer of another trial leave nothing behind."""
    one = oracle.recipe("categorical_focal_crossentropy", "adam", l2=0.01, label_smoothing=0.1)
    other = oracle.recipe(
        Choice(name="categorical_focal_crossentropy", options={"gamma": 4.0}),
        Choice(name="adam", options={"beta_2": 0.95, "epsilon": 1e-3, "amsgrad": False}),
        momentum=0.3,
        learning_rate=0.5,
        l2=1.0,
        label_smoothing=0.4,
        seed=99,
        batch_size=5,
        epochs=4,
        initializer=Choice(name="he_normal"),
        schedule=Choice(name="cosine"),
    )
    first = numbers(engine, one)
    made = engine.compile_stats[0]
    different = numbers(engine, other)
    assert engine.compile_stats[0] == made, "they differ in numbers only"
    assert numbers(engine, one) == first
    assert numbers(engine, other) == different
    assert different[0][1:] != first[0][1:]


def test_programs_grow_with_what_is_different_and_not_with_trials(engine: Any) -> None:
    seeds = [oracle.recipe("huber", "adamax", seed=seed, learning_rate=0.01 * (seed + 1)) for seed in range(4)]
    results = [numbers(engine, seeds[0])]
    made = engine.compile_stats[0]
    results += [numbers(engine, recipe) for recipe in seeds[1:]]
    assert engine.compile_stats[0] == made
    assert len({result[-1][1] for result in results}) == 4
    numbers(engine, oracle.recipe("huber", "adamax", activation="relu"))
    assert engine.compile_stats[0] == made + 2, "another network: its gradient and its outputs"
    numbers(engine, oracle.recipe("huber", "rmsprop", activation="relu"))
    assert engine.compile_stats[0] == made + 3, "another optimizer: its update"
    assert engine.compile_stats[1] > 0


def test_a_layer_and_a_loss_are_traced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient of each network and loss is put together from both."""
    from tuner.engines.compiled import layer_functions, training_functions

    traced: list[str] = []
    trace = training_functions.trace

    def counted(function: Any, *given: Any) -> Any:
        traced.append(function.__name__)
        return trace(function, *given)

    def counted_layer(call: Any, *given: Any) -> Any:
        traced.append(type(call.layer).__name__)
        return trace_layer(call, *given)

    trace_layer = layer_functions._trace_layer
    monkeypatch.setattr(training_functions, "trace", counted)
    monkeypatch.setattr(layer_functions, "_trace_layer", counted_layer)
    engine = ENGINES["compiled"].make()
    for loss in ("log_cosh", "huber", "mean_absolute_error"):
        for units in ([2], [3, 4]):
            model = ModelChoice(reference="models/mlp.py", sha256="", options={"units": units})
            numbers(engine, oracle.recipe(loss, "lion", model=model))
    layers = {"Dense": 2, "Activation": 1}  # the last layer is another one: it may be the head
    assert {name: traced.count(name) for name in traced} == {"update": 1, "gradient": 3, "loss": 3, **layers}


def test_a_training_ends_where_it_is_told_to(engine: Any) -> None:
    recipe, seen = oracle.recipe("mean_squared_error", epochs=6), []
    whole = numbers(engine, recipe)

    def decide(record: EpochRecord) -> bool:
        seen.append(record.epoch)
        return record.epoch < 4

    split, facts = oracle.data(recipe.task)
    training = engine.train(TrainingTask(recipe, split, facts, oracle.build_of(recipe)), decide)
    assert (training.state, training.reason) == ("pruned", "pruned after epoch 4")
    assert training.value == whole[3][3]
    assert seen == [1, 2, 3, 4]


def test_folds(engine: Any) -> None:
    recipe = oracle.recipe("categorical_crossentropy", "rmsprop")
    split, facts = oracle.data(recipe.task)
    swapped = dataclasses.replace(split, train=split.validation, validation=split.train)
    records: list[EpochRecord] = []

    def on_epoch(record: EpochRecord, report: Any) -> bool:
        records.append(record)
        return True

    prepared = PreparedData(facts, (split, swapped))
    training = run_trial(engine, recipe, prepared, oracle.build_of(recipe), on_epoch)
    weights, measured, _ = oracle.by_fit(recipe, swapped, facts)
    assert [(record.fold, record.epoch) for record in records] == [(f, e) for f in (0, 1) for e in (1, 2, 3)]
    assert training.value == pytest.approx((records[2].metric + records[5].metric) / 2)
    np.testing.assert_allclose(engine.weights()[0], weights[0], rtol=1e-4, atol=1e-6)
    assert records[5].metric == pytest.approx(measured[2][2], rel=1e-4)


def test_divergence_is_named_with_its_epoch_and_rate(engine: Any) -> None:
    model = ModelChoice(reference="tests/engines/single_layer.py", sha256="")
    recipe = oracle.recipe("mean_squared_error", learning_rate=1e6, model=model, epochs=12)
    split, facts = oracle.data(recipe.task)
    training, records = oracle.by_engine(engine, recipe, split, facts)
    assert (training.state, training.value) == ("diverged", None)
    assert f"in epoch {len(records) + 1} at learning rate 1e+06" in training.reason
    assert len(records) < 12


def test_validation_rows_in_several_parts(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tuner.engines.compiled import engine as training

    recipe = oracle.recipe("categorical_crossentropy", "nadam")
    whole = numbers(engine, recipe)
    monkeypatch.setattr(training, "PREDICT_ROWS", 4)
    np.testing.assert_allclose(numbers(engine, recipe), whole, rtol=1e-6)


def test_an_epoch_is_shuffled_in_pieces_where_it_is_large(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tuner.engines.compiled import epoch_runner

    recipe = oracle.recipe("categorical_crossentropy", "nadam")
    whole = numbers(engine, recipe)
    monkeypatch.setattr(
        epoch_runner, "_MAX_SHUFFLE_BYTES", 2 * 8 * oracle.FEATURES * 4
    )  # two batches at a time, then one
    assert numbers(engine, recipe) == whole


def test_an_epoch_becomes_one_program_where_that_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of four epochs of three steps; their numbers stay the same."""
    from tuner.engines.compiled import epoch_runner

    first, second = (oracle.recipe("categorical_crossentropy", name, epochs=4) for name in ("nadam", "adam"))
    engine = ENGINES["compiled"].make()
    plain = {recipe.optimizer.name: numbers(engine, recipe) for recipe in (first, second)}
    for name, value in (
        ("MIN_STEPS_FOR_EPOCH_GRAPH", 13),
        ("RESERVED_SLOTS", 1),
        ("MIN_STEPS_FOR_RESERVED_SLOT", 24),
        ("MAX_EPOCH_GRAPHS", 2),
    ):
        monkeypatch.setattr(epoch_runner, name, value)
    engine = ENGINES["compiled"].make()

    def whole(*recipes: Any) -> int:
        """Programs of whole epochs after these trainings."""
        for recipe in recipes:
            assert numbers(engine, recipe) == plain[recipe.optimizer.name]
        return len(engine._cache._epoch_graphs.plain)

    assert whole(first, second) == 0, "12 steps"
    assert whole(first) == 1, "24 steps, with those to come"
    assert whole(second) == 1, "the last one is for pairs that have shown that they are used"
    assert whole(second) == 2
    assert whole(first, second) == 2
    monkeypatch.setattr(epoch_runner, "MIN_STEPS_FOR_EPOCH_GRAPH", 12)
    engine = ENGINES["compiled"].make()
    assert whole(first, second) == 1, "at once, while there is room"


@pytest.fixture
def compiled_by_xla(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each epoch that XLA was to compile, whether it could."""
    from tuner.engines.compiled.epoch_runner import EpochRunner

    compiled, found = EpochRunner.xla_epoch_graph, list[bool]()

    def noted(*given: Any) -> Any:
        piece = compiled(*given)
        found.append(piece is not None)
        return piece

    monkeypatch.setattr(EpochRunner, "xla_epoch_graph", noted)
    return found


def test_xla_compiles_where_it_is_worth_it_and_was_measured_to_be_faster(compiled_by_xla: list[bool]) -> None:
    recipe = oracle.recipe("categorical_crossentropy", "adam")
    few, many = ENGINES["compiled"].make(), ENGINES["compiled"].make(trainings=1e9)
    plain = numbers(few, recipe)
    assert (few.step_times, compiled_by_xla) == ({}, []), "half a second for a program is more than it could save"
    numbers(many, recipe)
    ((network, times),) = many.step_times.items()
    assert all(time > 0 for time in times)
    for known, chosen in (((1.0, 0.9), False), ((1.0, None), False), ((1.0, 0.5), True)):
        many.step_times[network] = known
        compiled_by_xla.clear()
        found = numbers(many, recipe)
        assert compiled_by_xla == [True] * 3 * chosen
        assert chosen or found == plain
        np.testing.assert_allclose(found, plain, rtol=1e-5)
    assert list(many.step_times) == [network]


def test_what_is_measured_leaves_nothing_behind() -> None:
    recipe = oracle.recipe("categorical_crossentropy", "adam")
    measures, knows = (ENGINES["compiled"].make(trainings=1e9) for _ in range(2))
    first = numbers(measures, recipe)
    knows.step_times.update(measures.step_times)
    assert numbers(knows, recipe) == first
    assert all(map(np.array_equal, knows.weights(), measures.weights()))


def test_xla_does_not_compile_what_draws_random_numbers(compiled_by_xla: list[bool]) -> None:
    """Its generators are others: dropout would drop other units than `model.fit` does."""
    engine = ENGINES["compiled"].make(trainings=1e9)
    model = ModelChoice(reference="models/mlp.py", sha256="", options={"units": 5, "dropout": 0.2})
    numbers(engine, oracle.recipe("categorical_crossentropy", "adam", model=model))
    assert (engine.step_times, compiled_by_xla) == ({}, [])


class Table(keras.layers.Layer):
    """Looks numbers up."""

    def build(self, shape: Any) -> None:
        self.table = self.add_weight(shape=(8, 3), name="table")

    def call(self, x: Any) -> Any:
        return keras.ops.take(self.table, keras.ops.cast(x, "int32"), axis=0)


class Asserted(keras.layers.Layer):
    """Takes small numbers only."""

    def call(self, x: Any) -> Any:
        import tensorflow as tf

        with tf.control_dependencies([tf.debugging.assert_less(x, 8.0)]):
            return tf.identity(x)


@pytest.mark.parametrize(
    ("layer", "wrong"), [(lambda: keras.layers.Embedding(8, 3), "not in"), (Table, "not in"), (Asserted, "x < y")]
)
def test_xla_does_not_compile_what_looks_at_its_rows(compiled_by_xla: list[bool], layer: Any, wrong: str) -> None:
    """It would take an index that is none for another one, and assert nothing; TensorFlow says what is wrong."""
    import tensorflow as tf

    def build(inputs: tuple[int, ...], outputs: int, *, activation: str, initializer: Any, **_: Any) -> Any:
        rows = keras.Input(inputs)
        words = keras.layers.Flatten()(layer()(rows))
        return keras.Model(rows, keras.layers.Dense(outputs, kernel_initializer=initializer)(words))

    recipe = oracle.recipe("mean_squared_error", model=ModelChoice(reference="own.py:words", sha256=""))
    split, facts = oracle.data(recipe.task)
    split = dataclasses.replace(split, train=dataclasses.replace(split.train, x=np.full_like(split.train.x, 20.0)))
    engine = ENGINES["compiled"].make(trainings=1e9)
    with pytest.raises(tf.errors.InvalidArgumentError, match=wrong):
        engine.train(TrainingTask(recipe, split, facts, build), lambda record: True)
    assert compiled_by_xla == []


def test_xla_does_not_compile_other_ways_to_draw(compiled_by_xla: list[bool]) -> None:
    class Drawn(keras.layers.Layer):
        """Adds a number that is drawn, in training."""

        def __init__(self) -> None:
            super().__init__()
            self.seeds = keras.random.SeedGenerator(3)

        def call(self, x: Any, training: bool = False) -> Any:
            return x + 0.5 * keras.ops.cast(keras.random.categorical(0.0 * x, 1, seed=self.seeds), "float32")

    def build(inputs: tuple[int, ...], outputs: int, *, activation: str, initializer: Any, **_: Any) -> Any:
        rows = keras.Input(inputs)
        return keras.Model(rows, Drawn()(keras.layers.Dense(outputs, kernel_initializer=initializer)(rows)))

    recipe = oracle.recipe("mean_squared_error", model=ModelChoice(reference="own.py:drawn", sha256=""))
    split, facts = oracle.data(recipe.task)
    ENGINES["compiled"].make(trainings=1e9).train(TrainingTask(recipe, split, facts, build), lambda record: True)
    assert compiled_by_xla == []


def test_what_xla_cannot_compile_is_trained_without_it(compiled_by_xla: list[bool]) -> None:
    import tensorflow as tf

    class Python(keras.layers.Layer):
        """Calls Python in each step."""

        def call(self, x: Any) -> Any:
            return x + tf.stop_gradient(tf.ensure_shape(tf.numpy_function(np.zeros_like, [x], tf.float32), x.shape))

    def build(inputs: tuple[int, ...], outputs: int, *, activation: str, initializer: Any, **_: Any) -> Any:
        rows = keras.Input(inputs)
        return keras.Model(rows, Python()(keras.layers.Dense(outputs, kernel_initializer=initializer)(rows)))

    recipe = oracle.recipe("mean_squared_error", model=ModelChoice(reference="own.py:python", sha256=""))
    split, facts = oracle.data(recipe.task)
    plain, engine = ENGINES["compiled"].make(), ENGINES["compiled"].make(trainings=1e9)
    values = [
        each.train(TrainingTask(recipe, split, facts, build), lambda record: True).value for each in (plain, engine)
    ]
    assert values[0] == values[1]
    assert compiled_by_xla == [False]
    assert [by_xla for _, by_xla in engine.step_times.values()] == [None]


def test_the_time_of_building_a_program_is_that_of_its_first_call_less_its_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import tensorflow as tf

    from tuner.engines.compiled.build_timer import BuildTimer
    from tuner.engines.compiled.training_functions import trace

    now, takes = [0.0], iter([7.0, 5.0, 5.0])
    clock = SimpleNamespace(monotonic=lambda: now[0])
    for module in ("build_timer", "training_functions"):
        monkeypatch.setattr(f"tuner.engines.compiled.{module}.time", clock)

    def run(x: np.ndarray) -> np.ndarray:
        now[0] += next(takes)
        return x

    timer = BuildTimer()
    function = trace(lambda x: [tf.numpy_function(run, [x], tf.float32)], [tf.TensorSpec((), tf.float32)], timer)
    for _ in range(3):
        function(tf.constant(1.0))
    assert (timer.traced, timer.seconds) == (1, 2.0)


def test_initial_weights_are_those_of_building_the_model(engine: Any) -> None:
    """For each initializer, with seeds that were not seen when the model was built."""
    from tuner.catalog import INITIALIZERS, build_model

    split, facts = oracle.data(Task.MULTICLASS)
    model = ModelChoice(reference="models/mlp.py", sha256="", options={"units": [6, 6], "dropout": 0.2})
    for seed, name in enumerate(INITIALIZERS):
        recipe = oracle.recipe("kl_divergence", initializer=Choice(name=name), seed=seed, model=model)
        recipe = recipe.model_copy(update={"learning_rate": 0.0, "epochs": 1})
        oracle.by_engine(engine, recipe, split, facts)
        built = build_model(recipe, facts.input_shape, facts.outputs, oracle.build_of(recipe))
        for ours, theirs in zip(engine.weights(), built.trainable_variables, strict=True):
            np.testing.assert_array_equal(ours, theirs.numpy(), err_msg=name)


def test_a_model_that_looks_at_its_initializer_begins_as_it_was_built(engine: Any) -> None:
    from tuner.catalog import build_model

    def build(inputs: tuple[int, ...], outputs: int, *, initializer: Any, **_: Any) -> Any:
        last = "zeros" if "gain" in initializer.get_config() else initializer
        rows = keras.Input(inputs)
        hidden = keras.layers.Dense(4, "relu", kernel_initializer=initializer)(rows)
        return keras.Model(rows, keras.layers.Dense(outputs, kernel_initializer=last)(hidden))

    split, facts = oracle.data(Task.MULTICLASS)
    model = ModelChoice(reference="own.py:looks", sha256="")
    for name in ("he_normal", "orthogonal"):
        recipe = oracle.recipe("kl_divergence", initializer=Choice(name=name), seed=3, model=model)
        recipe = recipe.model_copy(update={"learning_rate": 0.0, "epochs": 1})
        engine.train(TrainingTask(recipe, split, facts, build), lambda record: True)
        built = build_model(recipe, facts.input_shape, facts.outputs, build)
        for ours, theirs in zip(engine.weights(), built.trainable_variables, strict=True):
            np.testing.assert_array_equal(ours, theirs.numpy(), err_msg=name)


def by_tensorflow(shape: tuple[int, ...], dtype: Any = None) -> Any:
    import tensorflow as tf

    return tf.random.normal(shape, stddev=0.1)


@pytest.mark.parametrize("own", ["glorot_normal", by_tensorflow])
def test_a_model_with_randomness_of_its_own_is_built_anew(engine: Any, own: Any) -> None:
    """Weights that no initializer of the recipe draws: two seeds give two trainings, one seed the same twice."""

    def build(inputs: tuple[int, ...], outputs: int, *, activation: str, initializer: Any, **_: Any) -> Any:
        rows = keras.Input(inputs)
        return keras.Model(rows, keras.layers.Dense(outputs, kernel_initializer=own)(rows))

    recipe = oracle.recipe("mean_squared_error", model=ModelChoice(reference="own.py:random", sha256=str(own)))
    split, facts = oracle.data(recipe.task)

    def values(seed: int) -> float:
        return engine.train(
            TrainingTask(recipe.model_copy(update={"seed": seed}), split, facts, build), lambda record: True
        ).value

    first = values(1)
    assert values(2) != first
    assert values(1) == first


@pytest.mark.parametrize(("bias", "builds"), [("zeros", [2, 1, 1]), ("made up", [2, 2, 2])])
def test_networks_of_a_kind_are_checked_once(bias: str, builds: list[int]) -> None:
    """The replay of their draws: whatever their widths, unless the model file has numbers of its own."""
    built: list[int] = []

    def build(inputs: tuple[int, ...], outputs: int, *, initializer: Any, units: int, **_: Any) -> Any:
        built.append(units)
        start = np.arange(units, dtype=np.float32) if bias == "made up" else np.zeros(units, np.float32)
        constant = keras.initializers.Constant(start)
        rows = keras.Input(inputs)
        hidden = keras.layers.Dense(units, "tanh", kernel_initializer=initializer, bias_initializer=constant)(rows)
        return keras.Model(rows, keras.layers.Dense(outputs, kernel_initializer=initializer)(hidden))

    engine, found = ENGINES["compiled"].make(), []
    for units in (3, 4, 5):
        model = ModelChoice(reference="own.py:kind", sha256=bias, options={"units": units})
        recipe = oracle.recipe("mean_squared_error", model=model)
        split, facts = oracle.data(recipe.task)
        engine.train(TrainingTask(recipe, split, facts, build), lambda record: True)
        found.append(built.count(units))
    assert found == builds

"""From a recipe to a Keras model that trains."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tuner import catalog
from tuner.catalog import (
    BuildableRecipe,
    Choice,
    ModelChoice,
    Task,
    build_model,
    compile_model,
    fit_options,
    make_initializer,
    make_optimizer,
)
from tuner.errors import CodeError, ContentError, UsageError

X = np.random.default_rng(0).normal(size=(20, 6)).astype("float32")
CLASS = np.arange(20) % 3


def recipe(**changes: Any) -> BuildableRecipe:
    fields: dict[str, Any] = {
        "task": Task.MULTICLASS,
        "model": ModelChoice(reference="models/own.py:build", sha256=""),
        "head": "softmax",
        "loss": Choice(name="categorical_crossentropy"),
        "optimizer": Choice(name="adam", options={"beta_2": 0.99}),
        "learning_rate": 0.01,
        "metric": "accuracy",
        "epochs": 3,
        "batch_size": 8,
    }
    return BuildableRecipe(**{**fields, **changes})


def dense(inputs: tuple[int, ...], outputs: int, *, activation: str, initializer: Any, units: int = 6) -> keras.Model:
    rows = keras.Input(inputs)
    hidden = rows
    for _ in range(2):
        hidden = keras.layers.Dense(units, activation=activation, kernel_initializer=initializer)(hidden)
    return keras.Model(rows, keras.layers.Dense(outputs, kernel_initializer=initializer)(hidden), name="dense_model")


def test_the_model_ends_in_its_head_and_gives_probabilities() -> None:
    model = build_model(recipe(), (6,), 3, dense)
    assert not model.compiled
    assert model.name == "dense_model"
    assert model.layers[-1].name == "head"
    np.testing.assert_allclose(model.predict(X, verbose=0).sum(axis=1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("head", ["linear", "model"])
def test_no_layer_is_added_for_no_head(head: str) -> None:
    assert isinstance(build_model(recipe(head=head), (6,), 3, dense).layers[-1], keras.layers.Dense)


def test_the_seed_decides_the_weights() -> None:
    one, two, other = (build_model(recipe(seed=seed), (6,), 3, dense).get_weights() for seed in (1, 1, 2))
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(one[0], other[0])


@pytest.mark.parametrize("name", ["he_normal", "orthogonal", "random_uniform"])
def test_layers_of_one_shape_start_with_different_weights(name: str) -> None:
    """An unseeded Keras initializer that two layers share gives both the same."""
    model = build_model(recipe(initializer=Choice(name=name)), (6,), 3, dense)
    first, second = model.layers[1].get_weights()[0], model.layers[2].get_weights()[0]
    assert first.shape == second.shape
    assert not np.allclose(first, second)
    assert model.layers[1].get_config()["kernel_initializer"]["config"]["seed"] is None


def test_options_of_the_model_and_the_activation_reach_build() -> None:
    model = build_model(
        recipe(model=ModelChoice(reference="m.py:b", sha256="", options={"units": 4}), activation="elu"), (6,), 3, dense
    )
    assert model.layers[1].units == 4
    assert model.layers[1].activation is keras.activations.elu


def test_penalties_stand_on_kernels_in_the_loss_and_in_the_saved_model(tmp_path: Path) -> None:
    given = recipe(l1=0.01, l2=0.1)
    model = compile_model(build_model(given, (6,), 3, dense), given)
    kernels = [layer.get_weights()[0] for layer in model.layers if layer.get_weights()]
    penalty = sum(0.01 * np.abs(kernel).sum() + 0.1 * (kernel**2).sum() for kernel in kernels)
    assert sum(float(loss) for loss in model.losses) == pytest.approx(penalty, rel=1e-5)
    bare = compile_model(build_model(recipe(), (6,), 3, dense), recipe())
    added = model.evaluate(X, CLASS, verbose=0) - bare.evaluate(X, CLASS, verbose=0)
    assert added == pytest.approx(penalty, rel=1e-4)
    build_model(given, (6,), 3, dense).save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert sum(float(loss) for loss in again.losses) == pytest.approx(penalty, rel=1e-5)


def test_a_penalty_of_the_model_itself_stays() -> None:
    def build(inputs: tuple[int, ...], outputs: int, **_: Any) -> keras.Model:
        own = keras.layers.Dense(outputs, kernel_regularizer=keras.regularizers.L2(7.0))
        return keras.Sequential([keras.Input(inputs), own])

    model = build_model(recipe(l2=0.1, head="linear"), (6,), 3, build)
    assert float(model.layers[-1].kernel_regularizer.l2) == pytest.approx(7.0)
    assert len(model.losses) == 1


@pytest.mark.parametrize(
    ("layer", "weights"),
    [
        (lambda: keras.layers.LSTM(3), ["kernel", "recurrent_kernel"]),
        (lambda: keras.layers.Bidirectional(keras.layers.GRU(3)), ["kernel", "recurrent_kernel"] * 2),
        (lambda: keras.layers.SeparableConv1D(3, 2), ["depthwise_kernel", "pointwise_kernel"]),
        (lambda: keras.layers.DepthwiseConv1D(2), ["kernel"]),
        (lambda: keras.layers.Conv1D(3, 2), ["kernel"]),
    ],
)
def test_penalties_reach_kernels_inside_other_layers(
    layer: Callable[[], keras.layers.Layer], weights: list[str], tmp_path: Path
) -> None:
    def build(inputs: tuple[int, ...], outputs: int, **_: Any) -> keras.Model:
        return keras.Sequential([keras.Input(inputs), layer(), keras.layers.Flatten(), keras.layers.Dense(outputs)])

    model = build_model(recipe(l2=0.5), (5, 2), 3, build)
    with_penalty = [weight.name for weight in model.trainable_variables if weight.regularizer is not None]
    assert sorted(with_penalty) == sorted([*weights, "kernel"])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert sum(map(float, again.losses)) == pytest.approx(sum(map(float, model.losses)), rel=1e-5)


@pytest.mark.parametrize("form", ["sequential", "subclass"])
def test_models_without_symbolic_inputs_are_built(form: str) -> None:
    class Own(keras.Model):
        def __init__(self, outputs: int) -> None:
            super().__init__()
            self.last = keras.layers.Dense(outputs)

        def call(self, rows: Any) -> Any:
            return self.last(rows)

    def build(inputs: tuple[int, ...], outputs: int, **_: Any) -> keras.Model:
        return keras.Sequential([keras.layers.Dense(outputs)]) if form == "sequential" else Own(outputs)

    model = build_model(recipe(l2=0.1), (6,), 3, build)
    np.testing.assert_allclose(model.predict(X, verbose=0).sum(axis=1), 1.0, rtol=1e-5)
    assert len(model.losses) == 1


def compiled(inputs: tuple[int, ...], outputs: int, **_: Any) -> keras.Model:
    model = keras.Sequential([keras.Input(inputs), keras.layers.Dense(outputs)])
    model.compile("sgd", "mse")
    return model


class Stepping(keras.Model):
    """A model whose training step is its own."""

    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


def stepping(inputs: tuple[int, ...], outputs: int, **_: Any) -> keras.Model:
    rows = keras.Input(inputs)
    return Stepping(rows, keras.layers.Dense(outputs, activation="softmax")(rows))


def test_a_training_step_of_ones_own_is_not_lost() -> None:
    built = build_model(recipe(head="model"), (6,), 3, stepping)
    assert isinstance(built, Stepping)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (stepping, 'overrides train_step, which would be lost because the head softmax is appended.*head = "model"'),
        (lambda inputs, outputs, **_: None, r"must return a keras.Model, but returned NoneType"),
        (compiled, "not compiled, but this one is. Remove its compile"),
        (lambda inputs, outputs, **own: dense(inputs, outputs + 1, **own), r"\(None, 3\), but got \(None, 4\)"),
        (
            lambda inputs, outputs, **_: keras.Sequential([keras.Input((4, 6)), keras.layers.Dense(outputs)]),
            r"\(None, 3\), but got \(None, 4, 3\)",
        ),
    ],
)
def test_what_is_no_usable_model_is_refused(build: Any, words: str) -> None:
    with pytest.raises(ContentError, match=words) as caught:
        build_model(recipe(), (6,), 3, build)
    assert "models/own.py:build" in str(caught.value)


def test_compiling_a_model_of_ones_own_adds_no_head() -> None:
    own = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, activation="softmax")])
    given = recipe(
        clipping=Choice(name="clipnorm", options={"norm": 0.5}), momentum=0.7, weight_decay=0.02, label_smoothing=0.1
    )
    assert given.compile(own) is own
    assert len(own.layers) == 1
    assert (own.optimizer.clipnorm, own.optimizer.beta_1, own.optimizer.beta_2) == (0.5, 0.7, 0.99)
    assert (own.optimizer.weight_decay, own.loss.loss.get_config()["label_smoothing"]) == (0.02, 0.1)
    assert own.jit_compile is False


def test_a_model_without_the_activation_of_the_head_is_not_compiled() -> None:
    own = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, name="out")])
    with pytest.raises(UsageError, match="must end in the activation softmax .* layer 'out' has none"):
        recipe().compile(own)
    assert not own.compiled


def test_fit_options_of_a_recipe() -> None:
    options = fit_options(recipe(class_weight={0: 1.0, 1: 2.0, 2: 1.0}))
    assert (options["epochs"], options["batch_size"], options["class_weight"]) == (3, 8, {0: 1.0, 1: 2.0, 2: 1.0})
    assert len(options["callbacks"]) == 1
    assert "class_weight" not in fit_options(recipe())
    assert fit_options(recipe(last_epoch=2))["epochs"] == 2


MODEL_FILE = """
import keras

def build(inputs, outputs, *, activation, initializer, units=8):
    rows = keras.Input(inputs)
    hidden = keras.layers.Dense(units, activation=activation, kernel_initializer=initializer)(rows)
    return keras.Model(rows, keras.layers.Dense(outputs, kernel_initializer=initializer)(hidden))
"""


@pytest.fixture
def project(tmp_path: Path) -> tuple[Path, str]:
    (tmp_path / "models").mkdir()
    file = tmp_path / "models" / "own.py"
    file.write_text(MODEL_FILE)
    return tmp_path, hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_best_recipe_builds_and_trains(project: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The three lines of DESIGN, section 5, from a recipe that was stored as JSON."""
    folder, digest = project
    best = BuildableRecipe.from_json(
        recipe(
            model=ModelChoice(reference="models/own.py:build", sha256=digest, options={"units": 16}),
            schedule=Choice(name="cosine"),
            class_weight={0: 1.0, 1: 1.5, 2: 1.0},
            learning_rate=0.1,
            epochs=12,
        ).to_json()
    )
    monkeypatch.chdir(folder)
    with pytest.raises(CodeError, match=r"code=\['models/own\.py:build'\] in Python"):
        best.build((6,), 3)
    model = best.build((6,), 3, code=["models/own.py"])
    y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0).astype(int)
    history = model.fit(X, y, verbose=0, **best.fit_options()).history["loss"]
    assert history[-1] < 0.5 * history[0]
    found = best.scores(model.predict(X, verbose=0))
    assert (found.argmax(axis=1) == y).mean() > 0.8
    np.testing.assert_array_equal(
        best.build((6,), 3, folder, code=["models/own.py:build"]).get_weights()[0].shape, (6, 16)
    )


def test_a_model_file_that_has_changed_is_refused(project: tuple[Path, str]) -> None:
    given = recipe(model=ModelChoice(reference="models/own.py:build", sha256="0" * 64))
    with pytest.raises(ContentError, match="has changed since the study was started"):
        given.build((6,), 3, project=project[0], code=["models/own.py"])


@pytest.mark.parametrize("name", catalog.__all__)
def test_every_name_of_the_front_door_is_there(name: str) -> None:
    assert getattr(catalog, name) is not None


def test_variables_of_every_recipe_have_the_same_names() -> None:
    """TensorFlow keeps 0.04 MB for each name that a variable of the process ever had: workers would grow by it."""
    names = [
        [variable.path for variable in (*make_optimizer(given).variables, make_initializer(given).seed.state)]
        for given in (recipe(seed=1), recipe(seed=2))
    ]
    assert names[0] == names[1]

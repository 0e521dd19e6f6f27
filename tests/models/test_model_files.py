"""The contract of a model file, checked for every file in `models/`."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tuner import user_code
from tuner.user_code import Reference

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Case:
    """What the suite needs to know of one model file.

    Attributes:
        shapes: Inputs it must accept; the first one is used where one is enough.
        bad_shapes: Inputs it must refuse.
        changes: For each of its own keywords a value other than the default.
        bad: Options it must refuse, one keyword at a time.
    """

    shapes: Sequence[tuple[int, ...]]
    bad_shapes: Sequence[tuple[int | None, ...]]
    changes: Mapping[str, Any]
    bad: Sequence[tuple[str, Any]]
    small: Mapping[str, Any] = field(default_factory=dict)


CASES = {
    "mlp": Case(
        shapes=[(6,), (4, 3), (4, 4, 2)],
        bad_shapes=[(), (0,), (None,)],
        changes={"units": [8, 4], "layers": 3, "dropout": 0.3, "batch_norm": True},
        bad=[("units", 0), ("units", []), ("units", [8, -1]), ("layers", 0), ("dropout", 1.0)],
        small={"units": 8},
    ),
    "cnn": Case(
        shapes=[(8, 8), (8, 8, 1), (9, 11, 3)],
        bad_shapes=[(64,), (2, 8, 8, 1), (8, 0), (None, None, 3)],
        changes={
            "filters": [4, 4, 8, 8],
            "kernel_size": 5,
            "dense": 0,
            "dropout": 0.3,
            "batch_norm": True,
            "shift": 0.2,
            "rotation": 0.1,
            "flip": True,
        },
        bad=[
            ("filters", []),
            ("filters", 8),
            ("filters", [4, 0]),
            ("kernel_size", 0),
            ("dense", -1),
            ("dropout", -0.1),
            ("shift", 1),
        ],
        small={"filters": [4, 4], "dense": 8},
    ),
    "cnn1d": Case(
        shapes=[(8, 3), (9,), (1, 4)],
        bad_shapes=[(), (8, 8, 1), (None, 3), (0, 3)],
        changes={
            "filters": [4, 4, 8, 8],
            "kernel_size": 5,
            "dense": 0,
            "dropout": 0.3,
            "batch_norm": True,
            "global_average": True,
        },
        bad=[("filters", []), ("filters", 8), ("kernel_size", 0), ("dense", -1), ("dropout", 1), ("batch_norm", 1)],
        small={"filters": [4, 4], "dense": 8},
    ),
    "resnet": Case(
        shapes=[(8, 8), (8, 8, 1), (9, 11, 3)],
        bad_shapes=[(64,), (2, 8, 8, 1), (8, 0), (None, None, 3)],
        changes={"filters": [4, 8, 8], "blocks": 1, "dropout": 0.3, "batch_norm": False},
        bad=[("filters", []), ("filters", [4, 0]), ("blocks", 0), ("dropout", 1.5)],
        small={"filters": [4, 8], "blocks": 1},
    ),
    "lstm": Case(
        shapes=[(5, 3), (7,)],
        bad_shapes=[(), (8, 8, 1), (None, 3), (0, 3)],
        changes={"cell": "gru", "units": 5, "layers": 2, "dense": 6, "dropout": 0.3, "bidirectional": True},
        bad=[("cell", "rnn"), ("units", 0), ("layers", 0), ("dense", 0), ("dropout", 1.0)],
        small={"units": 6, "dense": 8},
    ),
}

FILES = [file for file in user_code.list_files(PROJECT, "models") if file.stem != "pretrained"]
"""All but the one whose layers are those of another file: `test_pretrained.py`."""
SHAPES = [(name, shape) for name, case in CASES.items() for shape in case.shapes]
BAD_SHAPES = [(name, shape) for name, case in CASES.items() for shape in case.bad_shapes]
BAD_OPTIONS = [(name, *bad) for name, case in CASES.items() for bad in case.bad]
CHANGES = [(name, keyword, value) for name, case in CASES.items() for keyword, value in case.changes.items()]
every_model = pytest.mark.parametrize("name", [file.stem for file in FILES])


def builder(name: str) -> Callable[..., keras.Model]:
    return user_code.load(PROJECT, Reference(f"models/{name}.py", "build"))


def build(name: str, shape: Sequence[int | None] | None = None, outputs: int = 3, seed: int = 0, **options: Any):
    """A model of the first suitable shape, small, from a known seed."""
    case = CASES[name]
    keras.utils.set_random_seed(seed)
    given = {"activation": "relu", "initializer": "he_normal", **case.small, **options}
    return builder(name)(case.shapes[0] if shape is None else shape, outputs, **given)


def rows(name: str, shape: Sequence[int] | None = None, count: int = 8) -> np.ndarray:
    """Standard normal rows of shape `(count, *shape)`, float32."""
    size = (count, *(CASES[name].shapes[0] if shape is None else shape))
    return np.random.default_rng(1).normal(size=size).astype("float32")


def answers(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """Raw outputs at inference, shape `(batch, outputs)`."""
    return keras.ops.convert_to_numpy(model(x, training=False))


def kernels(model: keras.Model) -> list[Any]:
    """Every kernel, without those from state to state of a recurrent layer."""
    return [weight for weight in model.trainable_weights if weight.name == "kernel"]


def test_every_model_file_has_a_case():
    assert {file.stem for file in FILES} == set(CASES)


@every_model
def test_imports_only_keras_and_the_standard_library(name):
    tree = ast.parse((PROJECT / "models" / f"{name}.py").read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    assert names <= {"__future__", "collections.abc", "keras"}


@every_model
def test_signature_is_readable_without_running_the_file(name):
    signature = user_code.read_signature(PROJECT, Reference(f"models/{name}.py", "build"))
    assert not signature.open
    keywords = dict(signature.keywords)
    assert keywords.pop("activation") is None
    assert keywords.pop("initializer") is None
    assert set(keywords) == set(CASES[name].changes)
    for default in keywords.values():
        ast.literal_eval(default)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize(("name", "shape"), SHAPES)
def test_builds_uncompiled_functional_models(name, shape, outputs):
    model = build(name, shape, outputs)
    assert isinstance(model, keras.Model)
    assert "layers" in model.get_config()  # functional: the graph of layers is known
    assert model.input_shape == (None, *shape)
    assert model.output_shape == (None, outputs)
    assert not model.compiled
    assert model(rows(name, shape)).shape == (8, outputs)


@every_model
def test_output_is_raw(name):
    model = build(name)
    before = answers(model, rows(name))
    bias = model.layers[-1].bias
    bias.assign(np.array([-100.0, 0.0, 100.0], dtype="float32"))
    after = answers(model, rows(name))
    np.testing.assert_allclose(after - before, np.tile([-100.0, 0.0, 100.0], (8, 1)), rtol=1e-4, atol=1e-4)


@every_model
def test_the_seed_decides_the_weights(name):
    first, again, other = (build(name, seed=seed).get_weights() for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mlp", {"units": 6, "layers": 3}),
        ("cnn", {"filters": [4, 4, 4]}),
        ("resnet", {"filters": [4, 4]}),
        ("lstm", {"units": 6, "layers": 3}),
        ("lstm", {"bidirectional": True}),
    ],
)
def test_layers_of_one_shape_start_differently(name, options):
    model = build(name, initializer=keras.initializers.GlorotUniform(), **options)
    weights = [w.numpy() for w in model.trainable_weights if w.name in ("kernel", "recurrent_kernel")]
    pairs = [(a, b) for i, a in enumerate(weights) for b in weights[:i] if a.shape == b.shape]
    assert pairs
    assert not any(np.array_equal(a, b) for a, b in pairs)


@every_model
def test_the_initializer_is_used_for_every_kernel(name):
    narrow = keras.initializers.RandomUniform(0.25, 0.5)
    found = kernels(build(name, initializer=narrow))
    assert len(found) >= 3
    for kernel in found:
        assert kernel.numpy().min() >= 0.25, kernel.path
        assert kernel.numpy().max() <= 0.5, kernel.path


@every_model
def test_the_initializer_may_be_a_name(name):
    assert all(np.all(kernel.numpy() == 1) for kernel in kernels(build(name, initializer="ones")))


@every_model
def test_the_activation_is_used_and_not_for_the_output(name):
    model = build(name, activation="softsign")
    used = [layer.name for layer in model.layers if getattr(layer, "activation", None) is keras.activations.softsign]
    assert used
    assert not any(getattr(layer, "activation", None) is keras.activations.relu for layer in model.layers)
    assert model.layers[-1].activation is keras.activations.linear
    assert not np.allclose(model(rows(name)), build(name, activation="relu")(rows(name)))


def usual(name: str, **options: Any) -> keras.Model:
    """A model of the usual size."""
    return builder(name)(CASES[name].shapes[0], 2, activation="relu", initializer="he_normal", **options)


@functools.cache
def usual_config(name: str) -> str:
    """What Keras writes of the model without options: building it twice makes no difference."""
    plain, same = (usual(name).to_json() for _ in range(2))
    assert plain == same
    return plain


@pytest.mark.parametrize(("name", "keyword", "value"), CHANGES, ids=lambda value: str(value))
def test_every_own_keyword_changes_the_model(name, keyword, value):
    changed = usual(name, **{keyword: value})
    assert changed.to_json() != usual_config(name)
    assert changed(rows(name)).shape == (8, 2)


@every_model
def test_a_gradient_step_lowers_the_loss(name):
    model = build(name, outputs=1)
    x, y = rows(name), np.linspace(-1, 1, 8, dtype="float32")[:, None]

    def loss() -> float:
        return float(keras.ops.mean((model(x, training=True) - y) ** 2))

    before = loss()
    model.compile(optimizer=keras.optimizers.SGD(1e-3), loss="mean_squared_error", run_eagerly=True)
    model.train_on_batch(x, y)
    assert loss() < before


@every_model
def test_saves_and_loads_in_safe_mode_with_every_option(name, tmp_path):
    options = {key: value for key, value in CASES[name].changes.items() if (name, key) != ("mlp", "layers")}
    model = build(name, **options)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(answers(model, rows(name)), answers(loaded, rows(name)))


@pytest.mark.parametrize(("name", "shape"), BAD_SHAPES)
def test_a_bad_shape_is_refused(name, shape):
    with pytest.raises(ValueError, match=r"needs .*, but got .*\. (Give|Set) "):
        build(name, shape)


@pytest.mark.parametrize(("name", "keyword", "value"), BAD_OPTIONS)
def test_a_bad_option_is_refused(name, keyword, value):
    with pytest.raises(ValueError, match=rf"`.*{keyword}.*`.* must .*, but got .*\. Give "):
        build(name, **{keyword: value})


def test_filters_that_are_no_list_of_lists():
    """What `filters = [8]` in a study file says."""
    for name in ("cnn", "resnet"):
        with pytest.raises(ValueError, match=r"must be a list of .*, but got 8\. .* as in filters = \[\[8, 16\]\]"):
            build(name, filters=8)


WRONG = (None, "8", -1, 2.5, float("nan"), [], [[8]], ["8"], [None], {}, {"a": 1}, True)


@pytest.mark.parametrize(("name", "keyword"), [(name, key) for name, case in CASES.items() for key in case.changes])
def test_every_keyword_refuses_every_kind_of_wrong_value(name, keyword):
    signature = user_code.read_signature(PROJECT, Reference(f"models/{name}.py", "build"))
    default = ast.literal_eval(signature.keywords[keyword])
    for value in WRONG:
        if value is default or (value is True and isinstance(default, bool)):
            continue
        with pytest.raises(ValueError, match=rf"`{keyword}` must .*, but got .*\. Give "):
            build(name, **{keyword: value})


@every_model
def test_no_output_is_refused(name):
    with pytest.raises(ValueError, match=r"`outputs >= 1` must hold, but got outputs=0\. Give "):
        build(name, outputs=0)


def test_mlp_refuses_a_list_of_units_beside_another_number_of_layers():
    with pytest.raises(ValueError, match=r"but got 2 of them and layers=3\. Leave `layers` out"):
        build("mlp", units=[8, 4], layers=3)


@pytest.mark.parametrize("option", [{"flip": True}, {"shift": 0.4}, {"rotation": 0.4}])
def test_cnn_augments_in_training_only(option):
    model, plain, x = build("cnn", **option), build("cnn"), rows("cnn")
    for weight, source in zip(model.trainable_weights, plain.trainable_weights, strict=True):
        weight.assign(source)
    np.testing.assert_array_equal(answers(model, x), answers(plain, x))
    assert not np.allclose(model(x, training=True), plain(x, training=True))


def test_cells_keep_tanh_and_sigmoid():
    cell = build("lstm", activation="relu").get_layer("lstm_1")
    assert (cell.activation, cell.recurrent_activation) == (keras.activations.tanh, keras.activations.sigmoid)

"""A saved model takes rows of the source, and plain Keras gives from it what was trained: in a process without us."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tuner.catalog import Choice, ModelChoice, Recipe, Task, build_model, resolve_head
from tuner.data import DataOptions, HeldOut, held_out, prepare
from tuner.errors import ContentError
from tuner.protocol import TrainingArtifacts
from tuner.refit import SaveCheck
from tuner.refit.seed_ensemble import average
from tuner.refit.temperature import calibrate

pytestmark = pytest.mark.slow

CASES: dict[str, dict[str, Any]] = {
    "classes": {"data": {"source": "digits", "scale": "minmax"}, "loss": "categorical_crossentropy"},
    "image": {"data": {"source": "digits", "shape": [8, 8, 1]}, "loss": "categorical_hinge"},
    "margins": {"data": {"source": "breast_cancer", "scale": "robust"}, "loss": "hinge", "head": "linear"},
    "tanh": {"data": {"source": "breast_cancer"}, "loss": "squared_hinge", "head": "tanh"},
    "relu": {"data": {"source": "breast_cancer"}, "loss": "binary_crossentropy", "head": "relu"},
    "own_head": {"data": {"source": "breast_cancer"}, "loss": "hinge", "head": "model"},
    "labels": {"data": {"source": "label_rows.npz", "scale": "none"}, "loss": "binary_crossentropy"},
    "value": {"data": {"source": "diabetes"}, "loss": "quantile"},
    "values": {"data": {"source": "linnerud", "scale": "robust"}, "loss": "huber"},
    "table": {
        "data": {
            "source": "table.csv",
            "target": "price",
            "missing": "median",
            "text": "one_hot",
            "drop": ["sold"],
            "test": 0.0,
        },
        "loss": "mean_squared_error",
    },
    "columns": {
        "data": {
            "source": "table.csv",
            "target": "price",
            "missing": "median",
            "columns": {"colour": "ordinal", "rooms": "one_hot", "sold": "date"},
            "test": 0.0,
        },
        "loss": "mean_squared_error",
    },
    "tiny": {"data": {"source": "tiny.npz"}, "loss": "categorical_crossentropy"},
    "far": {"data": {"source": "far.npz"}, "loss": "mean_squared_error"},
    "ensemble": {"data": {"source": "digits"}, "loss": "categorical_crossentropy", "weights": [1 / 3] * 3, "by": 1.7},
    "mixture": {
        "data": {"source": "breast_cancer"},
        "loss": ["binary_crossentropy", "hinge", "squared_hinge"],
        "weights": [0.5, 0.3, 0.2],
        "by": 0.6,
    },
    "labels_ensemble": {
        "data": {"source": "label_rows.npz"},
        "loss": "binary_crossentropy",
        "weights": [0.5] * 2,
        "by": 2.0,
    },
    "value_mixture": {"data": {"source": "diabetes"}, "loss": "huber", "weights": [0.9, 0.1]},
}

LOAD = """
import sys
BLOCKED = {"tuner", "optuna", "sklearn", "pandas", "pydantic", "scipy"}
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"{name} is blocked", name=name)
sys.meta_path.insert(0, Block())
import keras
import numpy as np
from pathlib import Path
for file in sorted(Path(sys.argv[1]).glob("*.keras")):
    model = keras.saving.load_model(file)
    with np.load(file.with_suffix(".npz")) as given:
        found, expected = model.predict_on_batch(given["rows"]), given["expected"]  # float64, unlike `predict`
    close = np.allclose(found, expected, rtol=1e-5, atol=1e-6 * max(1.0, float(np.abs(expected).max())))
    print(file.stem, close, not model.compiled, float(np.abs(found - expected).max()))
"""


def build(inputs: tuple[int, ...], outputs: int, **options: Any) -> Any:
    """A small model with state that is not trained."""
    import keras

    rows = keras.Input(inputs)
    hidden = keras.layers.BatchNormalization()(keras.layers.Flatten()(rows))
    hidden = keras.layers.Dropout(0.2)(keras.layers.Dense(8, options["activation"])(hidden))
    return keras.Model(rows, keras.layers.Dense(outputs)(hidden), name="small")


def recipe_of(task: Task, loss: str, head: str | None = None, **data: Any) -> Recipe:
    return Recipe(
        task=task,
        model=ModelChoice(reference="own.py:build", sha256=""),
        head=head or resolve_head(loss, task),
        loss=Choice(name=loss, options={"tau": 0.4} if loss == "quantile" else {}),
        optimizer=Choice(name="adam"),
        learning_rate=1e-3,
        metric="accuracy" if task is not Task.REGRESSION else "mean_absolute_error",
        data=data,
    )


def write_data(folder: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(120, 4))
    np.savez(folder / "label_rows.npz", x=x, y=(x[:, :3] > 0).astype(int))
    np.savez(folder / "tiny.npz", x=x * [1e-9, 1e-15, 1.0, 1e6] + [1e-8, 0.0, 20.0, 0.0], y=np.arange(120) % 3)
    np.savez(folder / "far.npz", x=x + [1e9, -3e6, 0.0, 1e4], y=x.sum(axis=1) + 1e7)
    lines = ["area,colour,rooms,sold,price"]
    for row in range(80):
        area = "" if row % 7 == 0 else f"{50 + row}"
        colour = "" if row % 11 == 0 else ("red", "green", "blue")[row % 3]
        lines.append(f"{area},{colour},{row % 4},2026-{row % 12 + 1:02d}-{row % 28 + 1:02d},{1e5 + 1e3 * row}")
    (folder / "table.csv").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What a process without this package found in the file of each case."""
    from tuner.refit.serving_model import TrainedNetwork, build_serving_model, save_checked

    folder = tmp_path_factory.mktemp("saved")
    write_data(folder)
    for name, case in CASES.items():
        options = DataOptions.model_validate(case["data"])
        facts, held = prepare(options, folder, 0).facts, held_out(options, folder, 0)
        weights, losses = case.get("weights", [1.0]), case["loss"]
        losses = [losses] * len(weights) if isinstance(losses, str) else losses
        recipes = [recipe_of(facts.task, loss, case.get("head"), **case["data"]) for loss in losses]
        models = [build_model(recipe, facts.input_shape, facts.outputs, build) for recipe in recipes]
        for number, model in enumerate(models, 1):
            for variable in model.variables:  # as if it had been trained
                if variable.dtype == "float32":
                    variable.assign(np.random.default_rng(number).uniform(0.5, 1.5, variable.shape))
        file, by = folder / f"{name}.keras", case.get("by")
        each = [[expected(model, recipe, held)] for model, recipe in zip(models, recipes, strict=True)]
        answers = average(each, weights) if by is None else calibrate(average(each, weights), by, facts.task)
        networks = [TrainedNetwork(*one) for one in zip(models, recipes, weights, strict=True)]
        save_checked(build_serving_model(networks, held, by), file, held, answers[0], "own.py")
        np.savez(folder / f"{name}.npz", rows=held.sample, expected=answers[0])
    command = [sys.executable, "-c", LOAD, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    return {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}


def expected(model: Any, recipe: Recipe, held: HeldOut) -> np.ndarray:
    assert held.preprocessing is not None
    outputs = recipe.scores(model.predict(held.preprocessing.apply(held.sample), verbose=0))
    return held.unscale(outputs) if recipe.task is Task.REGRESSION else outputs


@pytest.mark.parametrize("case", CASES)
def test_plain_keras_answers_as_the_training_process(case: str, said: dict[str, list[str]]) -> None:
    close, uncompiled, apart = said[case]
    assert close == "True", f"up to {apart} apart"
    assert uncompiled == "True"


def lambda_model(inputs: tuple[int, ...], outputs: int, **options: Any) -> Any:
    import keras

    rows = keras.Input(inputs)
    return keras.Model(rows, keras.layers.Dense(outputs)(keras.layers.Lambda(lambda x: 2 * x)(rows)))


def plain_model(inputs: tuple[int, ...], outputs: int, **options: Any) -> Any:
    import keras

    return keras.Sequential([keras.Input(inputs), keras.layers.Dense(outputs)])


def forgetful_model(inputs: tuple[int, ...], outputs: int, **options: Any) -> Any:
    import keras

    class Forgetful(keras.layers.Layer):
        factor = 1.0

        def call(self, x: Any) -> Any:
            return self.factor * x

    keras.saving.register_keras_serializable("tests")(Forgetful)
    rows, layer = keras.Input(inputs), Forgetful()
    layer.factor = 3.0
    return keras.Model(rows, keras.layers.Dense(outputs)(layer(rows)))


@pytest.mark.parametrize(
    ("model_file", "rule"),
    [
        (lambda_model, "load with its safe mode on, but own.py:build has a Lambda layer"),
        (forgetful_model, "different predictions"),
    ],
)
def test_what_plain_keras_cannot_load_is_refused(model_file: Callable[..., Any], rule: str, tmp_path: Path) -> None:
    from tuner.refit.serving_model import TrainedNetwork, build_serving_model, find_custom_objects, save_checked

    options = DataOptions(source="iris")
    held = held_out(options, tmp_path, 0)
    recipe = recipe_of(Task.MULTICLASS, "categorical_crossentropy")
    model = build_model(recipe, (4,), 3, model_file)
    assert find_custom_objects(model) == (("Forgetful",) if model_file is forgetful_model else ())
    answers = expected(model, recipe, held)
    with pytest.raises(ContentError, match=rule):
        save_checked(
            build_serving_model([TrainedNetwork(model, recipe)], held),
            tmp_path / "m.keras",
            held,
            answers,
            "own.py:build",
        )


def own_layer_class(**parts: Any) -> Any:
    import keras

    return type("Twice", (keras.layers.Layer,), {"call": lambda self, x: 2 * x, **parts})


def twice(x: Any) -> Any:
    return 2 * x


def with_layer(make: Callable[[Any], Any]) -> Any:
    """Return a small model with a layer in the middle: `make` gets Keras."""
    import keras

    rows = keras.Input((4,))
    return keras.Model(rows, keras.layers.Dense(3)(make(keras)(rows)))


def takes_an_object(self: Any, what: object, **others: Any) -> None:
    import keras

    keras.layers.Layer.__init__(self, **others)


REGISTER = '@keras.saving.register_keras_serializable("my_project") above it.'


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda keras: keras.Sequential([keras.layers.Lambda(lambda x: x)]),
            "but own.py:build has a Lambda layer. Compute the same with functions of keras.ops, or in a layer class of "
            f"your own with {REGISTER}",
        ),
        (
            lambda keras: keras.layers.Dense(2, lambda x: 2 * x),
            f"but own.py:build has a layer with a lambda. Write it as a function with {REGISTER}",
        ),
        (
            lambda keras: keras.Sequential(
                [keras.layers.Dense(2, bias_initializer=keras.initializers.Constant([0.1, 0.2])), own_layer_class()()]
            ),
            f"but own.py:build uses Twice, which is not registered with Keras. Put {REGISTER}",
        ),
        (
            lambda keras: own_layer_class()(),
            f"but own.py:build uses Twice, which is not registered with Keras. Put {REGISTER}",
        ),
        (
            lambda keras: keras.Sequential([own_layer_class()(), keras.layers.Dense(2, twice)]),
            "but own.py:build uses Twice and twice, which are not registered with Keras. Put "
            '@keras.saving.register_keras_serializable("my_project") above each.',
        ),
        (
            lambda keras: keras.layers.Lambda(twice),
            f"but own.py:build uses twice, which is not registered with Keras. Put {REGISTER}",
        ),
        (
            lambda keras: own_layer_class(__init__=takes_an_object)(object()),
            "but that of own.py:build raises NotImplementedError: Object Twice was created by passing non-serializable "
            "argument values in `__init__()`, and therefore the object must override `get_config()` in order to be "
            "serializable. Please implement `get_config()`. A layer of your own needs `get_config`, with all arguments "
            f"of its `__init__`, and {REGISTER}",
        ),
    ],
)
def test_what_cannot_be_loaded_is_named_with_what_to_write(make: Any, said: str, tmp_path: Path) -> None:
    from tuner.refit.serving_model import save_loadable

    with pytest.raises(ContentError) as raised:
        save_loadable(with_layer(make), tmp_path / "m.keras", "own.py:build")
    rule = "A trained model must be one that plain Keras can save, and load with its safe mode on, "
    assert str(raised.value) == rule + said


def test_the_cause_of_keras_is_told_not_what_it_wraps_it_in(tmp_path: Path) -> None:
    import keras

    from tuner.refit.serving_model import save_loadable

    def forgets(self: Any) -> dict[str, Any]:
        return keras.layers.Layer.get_config(self)

    def make(keras: Any) -> Any:
        layer = own_layer_class(__init__=takes_an_object, get_config=forgets)
        return keras.saving.register_keras_serializable("tests")(layer)(3)

    with pytest.raises(ContentError, match=r"raises TypeError: .*missing 1 required positional argument: 'what'\. A "):
        save_loadable(with_layer(make), tmp_path / "m.keras", "own.py:build")


def test_it_is_refused_before_it_is_trained(tmp_path: Path) -> None:
    """Once for each kind of network, so that the seeds of a leader do not repeat it."""
    kept, facts = TrainingArtifacts(tmp_path, 0), prepare(DataOptions(source="iris"), tmp_path, 0).facts
    built: list[dict[str, Any]] = []

    def build(*shapes: Any, **options: Any) -> Any:
        built.append(options)
        return (lambda_model if "fixed" in options else plain_model)(*shapes)

    check, recipe = SaveCheck(), recipe_of(Task.MULTICLASS, "categorical_crossentropy")
    for seed in (1, 2):
        check(recipe.model_copy(update={"seed": seed}), facts, build, kept)
    assert len(built) == 1
    assert not kept.model.exists()
    other = recipe.model_copy(update={"model": recipe.model.model_copy(update={"options": {"fixed": True}})})
    with pytest.raises(ContentError, match="load with its safe mode on, but own.py:build has a Lambda layer"):
        check(other, facts, build, kept)


def test_a_full_disk_is_no_fault_of_the_model(tmp_path: Path) -> None:
    import keras

    from tuner.refit.serving_model import save_loadable

    model = keras.Sequential([keras.Input((300,)), keras.layers.Dense(300)])
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most[1]))
    try:
        with pytest.raises(ContentError, match=r"cannot be written to .*: File too large\. Make room"):
            save_loadable(model, tmp_path / "m.keras", "own.py:build")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)


def test_registered_activations_are_named() -> None:
    import keras

    from tuner.refit.serving_model import find_custom_objects

    @keras.saving.register_keras_serializable("tests")
    def bent(x: Any) -> Any:
        return x * x

    layers = [keras.Input((4,)), keras.layers.Dense(3, bent), keras.layers.Activation(bent)]
    assert find_custom_objects(keras.Sequential(layers)) == ("bent",)

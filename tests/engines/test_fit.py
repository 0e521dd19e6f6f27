"""The plain engine: objective, records, weights, divergence, pruning, and the same numbers twice."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest

from tuner.catalog import BuildableRecipe, EpochSelector, Recipe, fit_options
from tuner.data import PreparedData, Split, prepare
from tuner.engines import ENGINES, EpochRecord, run_trial
from tuner.study import StudySpec, read_study_dict, resolve_recipe
from tuner.user_code import Reference, load

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
Run = Callable[..., tuple[Any, list[EpochRecord]]]


def study(source: str, **content: Any) -> StudySpec:
    sections = {"search": {"learning_rate": [0.05, 0.01]}, "budget": {"epochs": 3, "keep": "last"}, **content}
    return read_study_dict({"name": "s", "model": "models/mlp.py", "data": {"source": source}, **sections}, PROJECT)


def recipe_of(spec: StudySpec, number: int = 0, **values: Any) -> Recipe:
    """A recipe of the study's fixed values, some of them replaced."""
    chosen = spec.space.resolve(lambda dimension: dimension.parameter.choices[0])  # type: ignore[union-attr]
    return resolve_recipe(spec, {**chosen, **values}, number)


def train(spec: StudySpec, recipe: Recipe, prepared: PreparedData | None = None, stop_after: int | None = None) -> Any:
    prepared = prepared or prepare(spec.data, PROJECT, spec.seed)
    records: list[EpochRecord] = []
    reports: list[tuple[int, float] | None] = []

    def on_epoch(record: EpochRecord, report: tuple[int, float] | None) -> bool:
        records.append(record)
        reports.append(report)
        return stop_after is None or len(records) < stop_after

    build = load(PROJECT, Reference.parse(recipe.model.reference, "build"))
    return run_trial(ENGINES["fit"].make(), recipe, prepared, build, on_epoch), records, reports


@pytest.fixture
def eagerly() -> Iterator[None]:
    """Without graphs, for trainings of a few steps; other tests train as users do."""
    with oracle.eagerly():
        yield


@pytest.fixture(scope="module")
def iris() -> Any:
    """How the first recipe over iris ended, its records and reports."""
    spec = study("iris")
    return train(spec, recipe_of(spec))


def test_a_recipe_is_learnt_and_recorded(iris: Any) -> None:
    training, records, reports = iris
    assert training.state == "complete"
    assert training.value == records[-1].metric > 0.8
    assert [record.epoch for record in records] == [1, 2, 3]
    assert records[0].loss > records[-1].loss
    assert all(record.learning_rate == pytest.approx(0.05) for record in records)
    assert reports == [(record.epoch, record.metric) for record in records]


def test_the_best_epoch_is_what_a_trial_is_worth_at_each_of_its_epochs() -> None:
    spec = study("wine", search={"learning_rate": [0.1, 0.05]}, budget={"epochs": 60, "stop": {"patience": 4}})
    training, records, reports = train(spec, recipe_of(spec))
    selector = EpochSelector(recipe_of(spec))
    for record, report in zip(records, reports, strict=True):
        selector.observe(record.metric, record.val_loss)
        assert report == (record.epoch, selector.value)
    assert len(records) < 60
    assert selector.ended
    assert (training.epochs, training.value) == ((selector.epoch,), records[selector.epoch - 1].metric)


def test_the_same_recipe_gives_the_same_numbers_twice_and_another_seed_others(iris: Any) -> None:
    spec, first = study("iris"), iris[1]
    second, other = (train(spec, recipe_of(spec, number))[1] for number in (0, 1))
    assert [(r.loss, r.val_loss, r.metric) for r in first] == [(r.loss, r.val_loss, r.metric) for r in second]
    assert [r.loss for r in other] != [r.loss for r in first]


@pytest.mark.parametrize(
    ("source", "metric", "measure"),
    [
        ("iris", "log_loss", "CategoricalCrossentropy"),
        ("breast_cancer", "accuracy", "BinaryAccuracy"),
        ("diabetes", "mean_absolute_error", "MeanAbsoluteError"),
        ("linnerud", "mean_squared_error", "MeanSquaredError"),
    ],
)
def test_the_objective_is_what_keras_measures(source: str, metric: str, measure: str) -> None:
    """The objective and the validation loss of the last epoch against Keras's own, after `fit` by hand."""
    spec = study(source, objective={"metric": metric})
    recipe, prepared = recipe_of(spec), prepare(spec.data, PROJECT, spec.seed)
    training, records, _ = train(spec, recipe, prepared)
    split = prepared.splits[0]
    model = BuildableRecipe(**dict(recipe)).build(spec.facts.input_shape, spec.facts.outputs, project=PROJECT)
    model.fit(split.train.x, split.train.y, verbose=0, **fit_options(recipe))
    outputs = model.predict(split.validation.x, verbose=0)
    measured = getattr(keras.metrics, measure)()
    regression = source in ("diabetes", "linnerud")
    measured.update_state(split.unscale(split.validation.y), split.unscale(outputs) if regression else outputs)
    assert training.value == pytest.approx(float(measured.result()), rel=1e-4)
    assert records[-1].val_loss == pytest.approx(float(model.loss(split.validation.y, outputs)), rel=1e-4)


def test_class_weights_and_sample_weights_multiply() -> None:
    """Weights of the classes equal the same weights given row by row, and change the training."""
    spec = study("breast_cancer")
    search = {"learning_rate": [0.05, 0.01], "class_weight": "balanced"}
    prepared = prepare(spec.data, PROJECT, spec.seed)
    plain, weighted = recipe_of(spec), recipe_of(study("breast_cancer", search=search))
    assert weighted.class_weight is not None
    split = prepared.splits[0]
    rows = np.array([weighted.class_weight[int(label)] for label in split.train.y[:, 0]], np.float32)
    valid = np.array([weighted.class_weight[int(label)] for label in split.validation.y[:, 0]], np.float32)
    by_rows = dataclasses.replace(
        prepared,
        splits=(
            dataclasses.replace(
                split,
                train=dataclasses.replace(split.train, weight=rows),
                validation=dataclasses.replace(split.validation, weight=valid),
            ),
        ),
    )
    losses = {
        name: [record.loss for record in train(spec, recipe, data)[1]]
        for name, recipe, data in (
            ("plain", plain, prepared),
            ("classes", weighted, prepared),
            ("rows", plain, by_rows),
        )
    }
    assert losses["classes"] == pytest.approx(losses["rows"], rel=1e-6)
    assert losses["classes"] != pytest.approx(losses["plain"], rel=1e-3)


def test_divergence_is_named_with_its_epoch_and_rate() -> None:
    spec = study("diabetes", search={"learning_rate": [1e3, 1e2], "optimizer": "sgd"})
    training, records, _ = train(spec, recipe_of(spec))
    assert (training.state, training.value) == ("diverged", None)
    assert "epoch" in training.reason
    assert "learning rate 1e+03" in training.reason
    assert len(records) < 3


def test_a_training_ends_where_it_is_told_to() -> None:
    spec = study("iris")
    training, records, _ = train(spec, recipe_of(spec), stop_after=2)
    assert (training.state, training.reason) == ("pruned", "pruned after epoch 2")
    assert len(records) == 2


@pytest.mark.usefixtures("eagerly")
def test_folds_report_their_last_epoch_and_the_mean_is_the_objective() -> None:
    spec = study("wine", data={"source": "wine", "validation": {"folds": 2}})
    training, records, reports = train(spec, recipe_of(spec))
    told = [report for report in reports if report is not None]
    assert [step for step, _ in told] == [1, 2]
    assert [(record.fold, record.epoch) for record in records] == [(f, e) for f in range(2) for e in (1, 2, 3)]
    assert training.value == pytest.approx(np.mean([value for _, value in told]))
    stopped, records, _ = train(spec, recipe_of(spec), stop_after=3)
    assert (stopped.state, stopped.reason) == ("pruned", "pruned after fold 1 of 2")
    assert len(records) == 3


def test_the_schedule_is_followed() -> None:
    spec = study("iris", search={"schedule": "cosine", "learning_rate": [0.1, 0.2]}, budget={"epochs": 6})
    records = train(spec, recipe_of(spec))[1]
    rates = [record.learning_rate for record in records]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] < 0.1
    assert rates[-1] < 0.01


def test_a_plateau_schedule_sees_the_objective() -> None:
    spec = study(
        "iris",
        search={
            "schedule": "reduce_on_plateau",
            "schedule_options": {"reduce_on_plateau": {"patience": 1, "factor": 0.5}},
            "learning_rate": [1e-9, 1e-8],
            "optimizer": "sgd",
        },
        budget={"epochs": 5},
    )
    rates = [record.learning_rate for record in train(spec, recipe_of(spec))[1]]
    assert rates[0] == pytest.approx(1e-9)
    assert rates[-1] < rates[0], "nothing is learnt at this rate, so it must have been lowered"


@pytest.mark.usefixtures("eagerly")
def test_the_test_part_has_no_influence(tmp_path: Path) -> None:
    """Other values in the rows of the test part change no number of a training."""
    from sklearn.datasets import load_iris

    x, y = load_iris(return_X_y=True)
    numbers = []
    for change in (0.0, 1e3):
        spec = study("iris", data={"source": "iris", "scale": "standardize"})
        prepared = prepare(spec.data, PROJECT, spec.seed)
        seen = np.concatenate([prepared.splits[0].train.x, prepared.splits[0].validation.x])
        assert len(seen) == 120
        changed = x.copy()
        # A row of the test part is one whose standardised values stand in neither part.
        split: Split = prepared.splits[0]
        center, scale = split.preprocessing.center, split.preprocessing.scale
        known = {row.tobytes() for row in np.round(seen, 4).astype(np.float32)}
        test_rows = [
            index
            for index, row in enumerate(np.round(((x - center) / scale).astype(np.float32), 4).astype(np.float32))
            if row.tobytes() not in known
        ]
        assert len(test_rows) >= 25
        changed[test_rows] += change
        np.savez(tmp_path / "iris.npz", x=changed, y=y)
        other = read_study_dict(
            {
                "name": "s", "model": "models/mlp.py", "data": {"source": str(tmp_path / "iris.npz")},
                "search": {"learning_rate": [0.05, 0.01]}, "budget": {"epochs": 3},
            },
            PROJECT,
        )  # fmt: skip
        numbers.append([(r.loss, r.val_loss, r.metric) for r in train(other, recipe_of(other))[1]])
    assert numbers[0] == numbers[1]


def test_the_next_training_frees_the_memory_of_the_model() -> None:
    """TensorFlow registers gradients of graphs for the life of the process, and graphs hold variables."""
    spec, engine = study("iris", budget={"epochs": 1}), ENGINES["fit"].make()
    prepared = prepare(spec.data, PROJECT, spec.seed)

    def build(inputs: tuple[int, ...], outputs: int, **_: Any) -> Any:
        layers = [keras.Input(inputs), keras.layers.Dense(3, "silu"), keras.layers.Dense(outputs)]
        return keras.Sequential(layers)  # silu has a gradient of its own, and optimizers make one

    def handles_after_training() -> list[weakref.ref[Any]]:
        run_trial(engine, recipe_of(spec), prepared, build, lambda record, report: True)
        model = engine.trained_model()
        return [weakref.ref(variable.value.handle) for variable in (*model.variables, *model.optimizer.variables)]

    first = handles_after_training()
    assert all(handle() is not None for handle in first)
    handles_after_training()
    assert [handle() for handle in first] == [None] * len(first)

"""A trial that goes on from a checkpoint ends, bit for bit, as the one that was not cut."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np
import oracle
import pytest

from tuner.catalog import Choice, ModelChoice, Recipe, Task
from tuner.data import PreparedData
from tuner.engines import ENGINES, Checkpoint, EpochRecord, run_trial
from tuner.errors import CheckpointError

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.slow

OPTIONS = {"units": 5, "layers": 1, "dropout": 0.3, "batch_norm": True}


def recipe_of(optimizer: str, epochs: int = 4, **given: Any) -> Recipe:
    """Dropout, statistics of batches, a schedule that watches, weights of classes and rows, a last batch of 6 rows."""
    plateau = Choice(
        name="reduce_on_plateau",
        options={"factor": 0.5, "patience": 1, "min_ratio": 1e-4, "min_delta": 0.05, "cooldown": 1},
    )
    content: dict[str, Any] = {
        "model": ModelChoice(reference="models/mlp.py", sha256="", options=OPTIONS),
        "schedule": plateau,
        "class_weight": {0: 0.5, 1: 1.0, 2: 2.0},
        "l2": 1e-3,
        "learning_rate": 0.1,
    }
    return oracle.recipe("categorical_crossentropy", optimizer, epochs=epochs, **{**content, **given})


def prepared_of(folds: int) -> PreparedData:
    split, facts = oracle.data(Task.MULTICLASS, weighted=True)
    learnt = dataclasses.replace(split, validation=split.train)  # labels are random: only these get better
    return PreparedData(facts, (learnt, dataclasses.replace(learnt, train=split.validation))[:folds])


def train(engine: Any, recipe: Recipe, prepared: PreparedData, resume: Checkpoint | None = None) -> Any:
    """How it ended, with the weights; the records without their time; and every checkpoint as bytes."""
    records: list[dict[str, Any]] = []
    kept: dict[tuple[int, int], bytes] = {}

    def on_epoch(record: EpochRecord, report: Any) -> bool:
        records.append({**record.to_json(), "seconds": 0.0})
        return True

    def keep(make: Any) -> None:
        checkpoint = make()
        kept[checkpoint.fold, checkpoint.epoch] = checkpoint.to_bytes(recipe)

    build = oracle.build_of(recipe)
    training = run_trial(engine, recipe, prepared, build, on_epoch, on_checkpoint=keep, resume=resume)
    weights = [variable.numpy() for variable in engine.trained_model().variables]
    return (training.to_json(), weights), records, kept


EMPTY_ARCHIVE = b"PK\x05\x06" + bytes(18)


def unlearnt(prepared: PreparedData) -> PreparedData:
    """The same, measured on rows with labels that cannot be learnt: soon nothing gets better."""
    others = oracle.data(Task.MULTICLASS, weighted=True)[0].validation
    return dataclasses.replace(
        prepared, splits=tuple(dataclasses.replace(split, validation=others) for split in prepared.splits)
    )


@pytest.mark.parametrize(
    ("name", "folds", "cuts"), [("fit", 1, [(0, -2)]), ("compiled", 2, [(0, 2), (0, -1), (1, -2)])]
)
def test_early_stopping_and_the_best_weights_go_on_as_if_it_had_not_been_cut(
    name: str, folds: int, cuts: list[tuple[int, int]]
) -> None:
    recipe, prepared = recipe_of("adam", 20, keep="best", patience=2), unlearnt(prepared_of(folds))
    whole, records, kept = train(ENGINES[name].make(), recipe, prepared)
    places = [(record["fold"], record["epoch"]) for record in records]
    ends = [max(epoch for at, epoch in places if at == fold) for fold in range(folds)]
    assert max(ends) < recipe.epochs
    assert len(whole[0]["epochs"]) == folds
    assert all(epoch < end for epoch, end in zip(whole[0]["epochs"], ends, strict=True)), "weights of before are kept"
    values = [record["metric"] for record in records if record["epoch"] == whole[0]["epochs"][record["fold"]]]
    assert whole[0]["value"] == pytest.approx(np.mean(values))
    for fold, epoch in cuts:
        cut = fold, epoch if epoch > 0 else ends[fold] + 1 + epoch
        ended, rest, _ = train(ENGINES[name].make(), recipe, prepared, Checkpoint.from_bytes(kept[cut], recipe))
        assert rest == records[places.index(cut) + 1 :]
        assert ended[0] == whole[0]
        assert all(map(np.array_equal, ended[1], whole[1]))


@pytest.mark.parametrize(
    ("name", "optimizer", "folds", "cuts"),
    [
        ("fit", "adam", 1, [(0, 2)]),
        ("compiled", "nadam", 2, [(0, 2), (0, 4), (1, 3)]),
        ("compiled", "nadam", 1, [(0, 7), (0, 9), (0, 11)]),
    ],
)
def test_it_ends_as_if_it_had_not_been_cut(name: str, optimizer: str, folds: int, cuts: list[tuple[int, int]]) -> None:
    """Cut after a probe, or between two."""
    recipe, prepared = recipe_of(optimizer, max(4, cuts[-1][1] + 1)), prepared_of(folds)
    whole, records, kept = train(ENGINES[name].make(), recipe, prepared)
    places = [(record["fold"], record["epoch"]) for record in records]
    if cuts[-1][1] > 4:
        assert not any(records[epoch - 1]["probes"] for _, epoch in cuts)
    assert list(kept) == places[:-1], "none is made of a trial that is over"
    assert len({record["learning_rate"] for record in records}) > 1, "the schedule has watched"
    assert len(records[-1]["probes"]) == 1
    other = ENGINES[name].make()  # as another worker: with nothing of the first one
    if folds > 1:  # but with another trial behind it
        train(other, recipe_of(optimizer, epochs=1, seed=6), prepared_of(1))
    for cut in cuts:
        ended, rest, again = train(other, recipe, prepared, Checkpoint.from_bytes(kept[cut], recipe))
        assert rest == records[places.index(cut) + 1 :]
        assert list(again) == places[places.index(cut) + 1 : -1]
        (training, weights), (expected, expected_weights) = ended, whole
        assert training == expected
        assert len(weights) == len(expected_weights)
        assert all(map(np.array_equal, weights, expected_weights))


def test_it_goes_on_by_xla_if_it_began_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """On all splits, whatever the new worker would have measured."""
    from tuner.engines.compiled import xla_policy

    options = {**OPTIONS, "dropout": 0.0}
    recipe = recipe_of("nadam", model=ModelChoice(reference="models/mlp.py", sha256="", options=options))
    monkeypatch.setattr(xla_policy, "measure_step_times", lambda *given: (1.0, 0.5))
    whole, records, kept = train(ENGINES["compiled"].make(trainings=1e9), recipe, prepared_of(2))
    monkeypatch.setattr(xla_policy, "measure_step_times", lambda *given: (0.5, 1.0))
    other = ENGINES["compiled"].make(trainings=1e9)
    ended, rest, _ = train(other, recipe, prepared_of(2), Checkpoint.from_bytes(kept[0, 2], recipe))
    assert rest == records[2:]
    assert ended[0] == whole[0]
    assert all(map(np.array_equal, ended[1], whole[1]))
    assert len(other._cache._epoch_graphs.xla) == 2, "the splits have other numbers of rows"
    assert list(other.step_times.values()) == [(1.0, 0.5)], "pairs again, although JSON has none"
    other.step_times.clear()
    (training, _), *_ = train(other, recipe, prepared_of(2))
    assert training["state"] == "complete"
    assert list(other.step_times.values()) == [(0.5, 1.0)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda content, recipe: (content[:-9] + b"x" + content[-8:], recipe), "it is damaged"),
        (lambda content, recipe: (content[: len(content) // 2], recipe), "it is damaged"),
        (lambda content, recipe: (b"PK" + content, recipe), "it was not written by this version"),
        (lambda content, recipe: (b"", recipe), "it was not written by this version"),
        (lambda content, recipe: (content, recipe.model_copy(update={"seed": 7})), "its recipe differs"),
    ],
)
def test_what_is_damaged_or_foreign_is_refused(change: Any, says: str, kept: bytes) -> None:
    recipe = recipe_of("sgd", epochs=2)
    with pytest.raises(CheckpointError, match=says):
        Checkpoint.from_bytes(*change(kept, recipe))


@pytest.mark.parametrize("content", [b"", b"PK no archive", EMPTY_ARCHIVE])
def test_what_somebody_wrote_into_the_database_is_refused(content: bytes) -> None:
    mark = b"keras-studies checkpoint 1\n"
    with pytest.raises(CheckpointError, match="it cannot be read"):
        Checkpoint.from_bytes(mark + hashlib.sha256(content).digest() + content, recipe_of("sgd", epochs=2))


def test_other_versions_are_refused(kept: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuner.engines.checkpoint._version", lambda package: "0.0")
    with pytest.raises(CheckpointError, match=r"its version differs \(.*, now keras-studies 0\.0"):
        Checkpoint.from_bytes(kept, recipe_of("sgd", epochs=2))


@pytest.mark.parametrize("name", ["fit", "compiled"])
def test_the_state_of_something_else_is_refused_before_anything_is_told(name: str, kept: bytes) -> None:
    recipe, prepared = recipe_of("sgd", epochs=2), prepared_of(1)
    checkpoint = Checkpoint.from_bytes(kept, recipe)
    state = checkpoint.state
    wrong = {**state.arrays, "variables": [array[..., None] for array in state.arrays["variables"]]}
    engine, another = ENGINES[name].make(), "fit" if name == "compiled" else "compiled"
    for other, says in [
        (dataclasses.replace(state, engine=another), f"by the engine {another}, and .* now trained by {name}"),
        (dataclasses.replace(state, engine=name, arrays=wrong), "variables are not those of the model"),
    ]:
        with pytest.raises(CheckpointError, match=says):
            train(engine, recipe, prepared, dataclasses.replace(checkpoint, state=other))


@pytest.fixture(scope="module")
def kept() -> bytes:
    """A checkpoint of the compiled engine."""
    recipe = recipe_of("sgd", epochs=2)
    content: bytes = train(ENGINES["compiled"].make(), recipe, prepared_of(1))[2][0, 1]
    return content

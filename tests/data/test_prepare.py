"""No leak from validation or test rows, and facts that are true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tuner.catalog import Task
from tuner.data import DataFacts, DataOptions, Folds, PreparedData, held_out, prepare
from tuner.errors import DataError

Write = Callable[..., Path]
ROWS = 90


def table(seed: int = 0) -> dict[str, np.ndarray]:
    """90 rows of three classes; the first column is the number of the row."""
    random = np.random.default_rng(seed)
    return {"x": np.c_[np.arange(ROWS), random.normal(size=(ROWS, 3))], "y": np.arange(ROWS) % 3}


def numbers(x: np.ndarray) -> list[int]:
    return x[:, 0].round().astype(int).tolist()


@pytest.mark.parametrize("validation", [0.25, {"folds": 4}])
def test_test_rows_are_in_no_split_and_in_held_out(validation: Any, write_npz: Write, tmp_path: Path) -> None:
    write_npz(**table())
    options = DataOptions(source="data.npz", validation=validation, scale="none")
    prepared, scored = prepare(options, tmp_path, 5), held_out(options, tmp_path, 5)
    test = set(numbers(scored.validation.x))
    for split in prepared.splits:
        seen = numbers(split.train.x) + numbers(split.validation.x)
        assert not test & set(seen)
        assert sorted([*seen, *test]) == list(range(ROWS))
        assert numbers(scored.train.x) == sorted(seen)
    measured = [row for split in prepared.splits for row in numbers(split.validation.x)]
    assert len(measured) == len(set(measured))
    assert prepared.facts.rows["test"] == len(test) == 18


@pytest.mark.parametrize(
    "options",
    [
        {"scale": "standardize"},
        {"scale": "minmax", "missing": "mean"},
        {"scale": "robust", "missing": "median", "outliers": "winsorize", "outlier_limit": 0.05},
        {"outliers": "drop_zscore", "outlier_limit": 1.5},
        {"outliers": "drop_iqr", "outlier_limit": 0.5},
    ],
)
@pytest.mark.parametrize("task", [None, "regression"])
def test_other_rows_do_not_change_what_is_fitted(
    options: dict[str, Any], task: str | None, write_npz: Write, tmp_path: Path
) -> None:
    """Rows of validation and test are replaced by absurd ones: the training part stays as it was, bit for bit."""
    data = table()
    data["x"][::7, 2] = 0.5
    if "missing" in options:
        data["x"][::11, 3] = np.nan
    settings = DataOptions.model_validate({"source": "data.npz", "task": task, **options})
    write_npz(**data)
    plain = prepare(settings.model_copy(update={"scale": "none", "outliers": "keep"}), tmp_path, 1).splits[0]
    before = prepare(settings, tmp_path, 1).splits[0]
    others = sorted(set(range(ROWS)) - set(numbers(plain.train.x)))
    data["x"][others] = data["x"][others] * -1e6 + 12345
    if task == "regression":
        data["y"] = data["y"].astype(float)
        data["y"][others] *= -1e4
    write_npz(**data)
    after = prepare(settings, tmp_path, 1).splits[0]
    np.testing.assert_array_equal(before.train.x, after.train.x)
    np.testing.assert_array_equal(before.train.y, after.train.y)
    assert before.preprocessing is not None
    assert after.preprocessing is not None
    assert before.preprocessing.to_json() == after.preprocessing.to_json()
    assert before.target_scale.tolist() == after.target_scale.tolist()
    assert (before.validation.x != after.validation.x).any()


def test_test_rows_do_not_change_what_held_out_fits(write_npz: Write, tmp_path: Path) -> None:
    data, options = table(), DataOptions(source="data.npz")
    write_npz(**data)
    before = held_out(options, tmp_path, 2)
    assert before.preprocessing is not None
    where = before.preprocessing
    test = numbers(before.validation.x * where.scale + where.center)
    data["x"][test] *= 1000
    write_npz(**data)
    after = held_out(options, tmp_path, 2)
    np.testing.assert_array_equal(before.train.x, after.train.x)


def test_same_seed_same_split(write_npz: Write, prepared: Callable[..., PreparedData]) -> None:
    write_npz(**table())
    one, again, other = (prepared("data.npz", seed=seed, scale="none") for seed in (3, 3, 4))
    assert one.facts == again.facts
    np.testing.assert_array_equal(one.splits[0].train.x, again.splits[0].train.x)
    assert numbers(one.splits[0].train.x) != numbers(other.splits[0].train.x)
    assert one.facts.sha256 == other.facts.sha256


def test_the_hash_knows_values_and_order(write_npz: Write, prepared: Callable[..., PreparedData]) -> None:
    def digest(**changed: Any) -> str:
        write_npz(**{**table(), **changed})
        return prepared("data.npz").facts.sha256

    data = table()
    one = digest()
    assert digest() == one
    assert digest(x=data["x"].astype(np.float32)) == one
    assert data["x"][0, 0] == 0
    negative_zero = data["x"].copy()
    negative_zero[0, 0] = -0.0
    assert digest(x=negative_zero) == one
    changed = [
        digest(x=data["x"][::-1], y=data["y"][::-1]),
        digest(y=(data["y"] + 1) % 3),
        digest(y=data["y"] + 1),
        digest(weight=np.ones(ROWS)),
    ]
    assert len({one, *changed}) == 5


def test_facts_are_those_of_the_splits(write_npz: Write, prepared: Callable[..., PreparedData]) -> None:
    write_npz(**table())
    result = prepared("data.npz", validation={"folds": 3}, outliers="drop_zscore", outlier_limit=2.5)
    facts, first = result.facts, result.splits[0]
    assert len(result.splits) == 3
    assert facts.input_shape == first.train.x.shape[1:] == (4,)
    assert facts.outputs == first.train.y.shape[1] == 3
    assert facts.classes == ("0", "1", "2")
    assert facts.class_counts == tuple(first.train.y.sum(axis=0).astype(int))
    assert facts.rows == {"train": len(first.train), "validation": len(first.validation), "test": 18}
    dropped = [48 - len(split.train) for split in result.splits]
    assert any(
        f"left out {dropped[0]}, {dropped[1]}, {dropped[2]} of 48, 48, 48 training rows in the 3 folds" in note
        for note in facts.notes
    )


@pytest.mark.parametrize("y", [np.arange(60) % 2, np.arange(60) / 7, np.arange(60) % 3])
def test_facts_survive_json(y: np.ndarray, write_npz: Write, prepared: Callable[..., PreparedData]) -> None:
    import json

    write_npz(x=np.random.default_rng(0).normal(size=(60, 6)), y=y)
    facts = prepared("data.npz", shape=[2, 3]).facts
    assert DataFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts
    assert facts.input_shape == (2, 3)


def test_binary_counts_both_classes(write_npz: Write, prepared: Callable[..., PreparedData]) -> None:
    write_npz(x=np.arange(50.0), y=np.arange(50) % 5 == 0)
    facts = prepared("data.npz").facts
    assert (facts.task, facts.classes, facts.class_counts) == (Task.BINARY, ("False", "True"), (24, 6))


def test_second_sources(write_npz: Write, tmp_path: Path) -> None:
    data = table()
    for name, rows in {"a.npz": slice(60), "b.npz": slice(60, 80), "c.npz": slice(80, 90)}.items():
        write_npz(name, x=data["x"][rows], y=data["y"][rows])
    options = DataOptions(source="a.npz", validation="b.npz", test="c.npz", scale="none")
    split = prepare(options, tmp_path, 0).splits[0]
    scored = held_out(options, tmp_path, 0)
    assert numbers(split.train.x) == list(range(60))
    assert numbers(split.validation.x) == list(range(60, 80))
    assert numbers(scored.train.x) == list(range(80))
    assert numbers(scored.validation.x) == list(range(80, 90))


def test_second_tables_are_read_by_name(write_text: Write, tmp_path: Path) -> None:
    write_text("a.csv", "p,q,y\n" + "".join(f"{n},{-n},{n}.5\n" for n in range(20)))
    write_text("b.csv", "y,extra,q,p\n" + "".join(f"{n}.5,9,{-n},{n}\n" for n in range(5)))
    options = DataOptions(source="a.csv", target="y", validation="b.csv", scale="none", test=0)
    split = prepare(options, tmp_path, 0).splits[0]
    assert split.validation.x.tolist() == [[n, -n] for n in range(5)]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ("p,y\n1,1.5\n", r"must have the columns of a.csv, but lacks \['q'\]"),
        ("p,q,y\nred,1,1.5\n", r"numbers or texts in all sources, but \['p'\] differ"),
        ("p,q,y\n1,1,low\n", "texts and numbers"),
    ],
)
def test_second_tables_that_do_not_match(other: str, words: str, write_text: Write, tmp_path: Path) -> None:
    write_text("a.csv", "p,q,y\n" + "".join(f"{n},{-n},{n}.5\n" for n in range(20)))
    write_text("b.csv", other)
    with pytest.raises(DataError, match=words):
        prepare(DataOptions(source="a.csv", target="y", test="b.csv"), tmp_path, 0)


def test_second_arrays_of_another_shape(write_npz: Write, tmp_path: Path) -> None:
    write_npz("a.npz", x=np.zeros((20, 3)), y=np.arange(20) + 0.5)
    write_npz("b.npz", x=np.zeros((20, 4)), y=np.arange(20) + 0.5)
    with pytest.raises(DataError, match=r"one shape, but got features \(3,\)"):
        prepare(DataOptions(source="a.npz", test="b.npz"), tmp_path, 0)


def test_a_class_of_the_test_source_alone_is_refused(write_npz: Write, tmp_path: Path) -> None:
    write_npz("a.npz", x=np.zeros((20, 1)), y=np.arange(20) % 2)
    write_npz("b.npz", x=np.zeros((4, 1)), y=np.full(4, 7))
    with pytest.raises(DataError, match="class '7' has 0"):
        prepare(DataOptions(source="a.npz", test="b.npz"), tmp_path, 0)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_validation_source_of_one_class_is_refused(classes: int, write_npz: Write, tmp_path: Path) -> None:
    write_npz("a.npz", x=np.arange(30.0), y=np.arange(30) % classes)
    write_npz("b.npz", x=np.arange(4.0), y=np.ones(4))
    words = r"validation part must have rows of at least two classes, but all 4 are of class '1' \(b.npz\)"
    with pytest.raises(DataError, match=words):
        prepare(DataOptions(source="a.npz", validation="b.npz", test=0), tmp_path, 0)
    write_npz("b.npz", x=np.arange(4.0), y=np.arange(4) % 2)
    split = prepare(DataOptions(source="a.npz", validation="b.npz", test=0), tmp_path, 0).splits[0]
    assert len(split.validation) == 4


def test_a_test_source_of_one_class_is_noted(write_npz: Write, tmp_path: Path) -> None:
    write_npz("a.npz", x=np.arange(30.0), y=np.arange(30) % 2)
    write_npz("b.npz", x=np.arange(4.0), y=np.ones(4))
    notes = prepare(DataOptions(source="a.npz", test="b.npz"), tmp_path, 0).facts.notes
    assert "All 4 test rows are of class '1': metrics such as auc cannot be scored there." in notes
    usual = prepare(DataOptions(source="a.npz"), tmp_path, 0).facts.notes
    assert not any("test rows" in note for note in usual)


def test_a_class_without_a_validation_row_is_noted(write_npz: Write, tmp_path: Path) -> None:
    write_npz("a.npz", x=np.arange(30.0), y=np.array(["hi", "lo", "mid"])[np.arange(30) % 3])
    write_npz("b.npz", x=np.arange(4.0), y=np.array(["hi", "lo", "lo", "lo"]))
    notes = prepare(DataOptions(source="a.npz", validation="b.npz", test=0), tmp_path, 0).facts.notes
    assert any(note.startswith("The class 'mid' is in no row of the validation part:") for note in notes)


def test_a_class_whose_rows_all_weigh_nothing_is_named(write_npz: Write, tmp_path: Path) -> None:
    """Its area under the curve is no number: the study would end with a word about the learning rate."""
    options = DataOptions(source="a.npz", test=0)
    for classes in (2, 3):
        y = np.array(["hi", "lo", "mid"])[np.arange(60) % classes]
        write_npz("a.npz", x=np.arange(60.0), y=y, weight=(y != "lo").astype(float))
        if classes == 2:
            with pytest.raises(DataError, match=r"but those of class 'lo' all weigh 0 \(a.npz\)\. Give some of them"):
                prepare(options, tmp_path, 0)
        else:
            notes = prepare(options, tmp_path, 0).facts.notes
            assert "The class 'lo' weighs 0 in every row of the training part: it is not learned." in notes
            assert any(
                note.startswith("The class 'lo' weighs 0 in every row of the validation part:") for note in notes
            )
    write_npz("b.npz", x=np.arange(4.0), y=np.arange(4) % 2, weight=np.array([0.0, 0.0, 0.0, 1.0]))
    write_npz("a.npz", x=np.arange(60.0), y=np.arange(60) % 2, weight=np.ones(60))
    with pytest.raises(DataError, match=r"those of class '0' all weigh 0 \(b.npz\)"):
        prepare(DataOptions(source="a.npz", validation="b.npz", test=0), tmp_path, 0)


def test_labels_that_a_part_cannot_measure_are_noted(write_npz: Write, tmp_path: Path) -> None:
    y = np.stack([np.arange(30) % 2, np.arange(30) == 7, np.arange(30) != 8, np.arange(30) % 3 == 0], axis=1)
    write_npz("a.npz", x=np.arange(30.0), y=y.astype(float))
    write_npz("b.npz", x=np.arange(12.0), y=y[10:22].astype(float))
    single = DataOptions(source="a.npz", validation="b.npz", test=0)
    notes = " ".join(prepare(single, tmp_path, 0).facts.notes)
    assert "The label '1' is in no row of the validation part:" in notes
    assert "The label '2' is in every row of the validation part:" in notes
    assert "'0'" not in notes
    assert "'3'" not in notes
    folds = " ".join(prepare(DataOptions(source="a.npz", validation=Folds(folds=2), test=0), tmp_path, 0).facts.notes)
    assert ("'1' is in no row of the validation part of fold 1" in folds) != (
        "'1' is in no row of the validation part of fold 2" in folds
    )


@pytest.mark.parametrize("scale", ["standardize", "none"])
def test_the_truth_is_what_the_source_has(scale: str, write_npz: Write, tmp_path: Path) -> None:
    y = np.where(np.arange(40) % 4 == 0, 0.0, np.arange(40) * 1234.567)
    write_npz("a.npz", x=np.arange(40.0), y=y)
    data = prepare(DataOptions(source="a.npz", test=0, target_scale=scale), tmp_path, 0)
    (split,) = data.splits
    assert set(split.truth[:, 0]) <= set(y), "exact, 0 included: it is not what was scaled and unscaled"
    assert split.unscale(split.validation.y) == pytest.approx(split.truth, rel=1e-6, abs=1e-2)
    assert data.facts.zero_targets == int((split.truth == 0).sum()) > 0


def test_without_a_test_part_everything_is_trained_on(write_npz: Write, tmp_path: Path) -> None:
    rows = table()
    write_npz(**rows)
    options = DataOptions(source="data.npz", test=0, scale="none")
    whole = held_out(options, tmp_path, 0)
    assert (len(whole.train), len(whole.validation)) == (len(rows["x"]), 0)
    assert np.array_equal(whole.sample[:5], np.asarray(rows["x"])[:5])


def test_validation_rows_can_be_kept_out_of_the_last_training(write_npz: Write, tmp_path: Path) -> None:
    write_npz(**table())
    options = DataOptions(source="data.npz")
    prepared, kept = prepare(options, tmp_path, 3), held_out(options, tmp_path, 3, keep_validation=True)
    whole = held_out(options, tmp_path, 3)
    assert np.array_equal(kept.train.x, prepared.splits[0].train.x)
    assert len(kept.validation) == len(whole.validation) == prepared.facts.rows["test"]
    assert len(whole.train) == len(kept.train) + prepared.facts.rows["validation"]


def test_outliers_must_leave_each_class(write_npz: Write, prepared: Callable[..., PreparedData]) -> None:
    x = np.random.default_rng(0).normal(size=60)
    x[40:] += 1000
    write_npz(x=x, y=np.r_[np.zeros(40), np.ones(20)])
    with pytest.raises(
        DataError, match=r"'1' has no row there .* after drop_zscore with limit 1.2. Raise `outlier_limit`"
    ):
        prepared("data.npz", outliers="drop_zscore", outlier_limit=1.2)


@pytest.mark.parametrize("missing", ["mean", "median"])
@pytest.mark.parametrize("outliers", ["drop_iqr", "drop_zscore"])
def test_outliers_must_leave_each_column_a_value(
    missing: str, outliers: str, write_npz: Write, prepared: Callable[..., PreparedData]
) -> None:
    """The second column is known only where the first one is far out."""
    x = np.c_[np.random.default_rng(0).normal(size=100), np.full(100, np.nan)]
    x[::20, 0], x[::20, 1] = 1000.0, np.arange(5)
    write_npz(x=x, y=np.arange(100) % 2)
    words = rf"column 1 has none \(data.npz\) after {outliers} with limit 1.5. Raise `outlier_limit`"
    with pytest.raises(DataError, match=words):
        prepared("data.npz", missing=missing, outliers=outliers, outlier_limit=1.5)
    assert len(prepared("data.npz", missing=missing).splits[0].train) == 60


def test_weights_stay_with_their_rows(write_npz: Write, prepared: Callable[..., PreparedData]) -> None:
    data = table()
    data["x"][::9, 2] = 50
    write_npz(**data, weight=np.arange(ROWS) + 1.0)
    split = prepared("data.npz", scale="none", outliers="drop_zscore", outlier_limit=2.5).splits[0]
    assert len(split.train) < 54
    for part in (split.train, split.validation):
        assert part.weight is not None
        assert (part.weight - 1).tolist() == numbers(part.x) == part.x[:, 0].tolist()
        assert part.y.argmax(axis=1).tolist() == [row % 3 for row in numbers(part.x)]


def test_class_weights_must_name_classes(write_npz: Write, prepared: Callable[..., PreparedData]) -> None:
    write_npz(x=np.arange(60.0), y=np.array(["cat", "dog", "cow"] * 20))
    assert prepared("data.npz", class_weight={"dog": 2.5}).facts == prepared("data.npz").facts
    with pytest.raises(DataError, match="no class 'dgo'. Did you mean 'dog'"):
        prepared("data.npz", class_weight={"dgo": 1.0})


def test_constant_columns_are_noted_and_harmless(write_npz: Write, prepared: Callable[..., PreparedData]) -> None:
    write_npz(x=np.c_[np.full(40, 0.1), np.arange(40)], y=np.arange(40) + 0.5)
    result = prepared("data.npz")
    assert any("1 feature is constant in the training part (0)" in note for note in result.facts.notes)
    np.testing.assert_allclose(result.splits[0].train.x[:, 0], 0, atol=1e-6)

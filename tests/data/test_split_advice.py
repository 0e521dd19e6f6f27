"""Signs that a random split is too optimistic are seen, and few others are."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from tuner.data import BUILT_IN, DataOptions, prepare, profile_table
from tuner.data.likely_groups import find_groups
from tuner.data.near_copies import find_near_copies


def advice(project: Path, seed: int = 0, **options: Any) -> list[str]:
    """The advice on how a source is split."""
    found = prepare(DataOptions(**options), project, seed, advise=True).facts.advice
    return [sentence for sentence in found if not sentence.startswith(("validation:", "drop:"))]


def keys(found: list[str]) -> list[str]:
    return [sentence.partition(":")[0] for sentence in found]


def patients(noise: float, kind: str = "binary", seed: int = 0) -> pandas.DataFrame:
    """60 patients of 8 rows: their features tell who it is, the target is drawn for each."""
    random = np.random.default_rng(seed)
    patient = np.repeat(np.arange(60), 8)
    x = random.normal(size=(60, 8))[patient] + noise * random.normal(size=(480, 8))
    target = (
        random.normal(size=60) if kind == "regression" else random.integers(0, 3 if kind == "multiclass" else 2, 60)
    )
    frame = pandas.DataFrame(x, columns=list("abcdefgh")).assign(y=target[patient], patient=patient)
    return frame.sample(frac=1, random_state=0).reset_index(drop=True)


@pytest.mark.parametrize("kind", ["regression", "binary", "multiclass"])
@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("text", [False, True])
def test_a_column_of_groups_is_named(kind: str, dropped: bool, text: bool, tmp_path: Path) -> None:
    frame = patients(0.3, kind)
    if text:
        frame["patient"] = frame["patient"].map("p{:03d}".format)
    frame.to_csv(tmp_path / "a.csv", index=False)
    found = advice(tmp_path, source="a.csv", target="y", text="one_hot", drop=("patient",) if dropped else ())
    assert keys(found)[0] == "group"
    assert "'patient' looks like a group: it has 60 values in 384 rows" in found[0]
    assert 'set group = "patient"' in found[0]
    assert keys(advice(tmp_path, source="a.csv", target="y", group="patient")) == []


def test_several_labels_are_looked_at_together(tmp_path: Path) -> None:
    frame = patients(0.3).rename(columns={"y": "wet"}).assign(cold=lambda f: (f["patient"] % 3 == 0).astype(int))
    frame.to_csv(tmp_path / "a.csv", index=False)
    found = advice(tmp_path, source="a.csv", target=("wet", "cold"), task="multilabel", drop=("patient",))
    assert keys(found) == ["group"]


def test_groups_without_a_column_are_seen_by_their_rows(tmp_path: Path) -> None:
    frame = patients(0.1)
    np.savez(tmp_path / "a.npz", x=frame[list("abcdefgh")], y=frame["y"])
    (found,) = advice(tmp_path, source="a.npz")
    assert found.startswith("split: ")
    assert "% of the validation and test rows are nearly copies of training rows: at 0." in found


def test_copies_are_counted(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 5))
    x[200:] = x[:100]
    np.savez(tmp_path / "a.npz", x=random.permutation(x), y=np.arange(300) % 2)
    (found,) = advice(tmp_path, source="a.npz")
    assert "% of the validation and test rows have a copy in the training part (by chance 0 %)" in found


@pytest.mark.parametrize(
    "dates",
    [
        pandas.date_range("2020-01-01", periods=480).strftime("%Y-%m-%d"),
        pandas.date_range("2020-01-01", periods=480).strftime("%d.%m.%Y %H:%M"),
        pandas.date_range("2020-01-01", periods=480),
    ],
)
def test_dates_are_seen_if_rows_are_split_at_random(dates: Any, tmp_path: Path) -> None:
    frame = patients(1.0).drop(columns="patient").assign(day=dates)
    frame.to_parquet(tmp_path / "a.parquet")
    shared = {"source": "a.parquet", "target": "y"}
    (found,) = advice(tmp_path, drop=("day",), **shared)
    assert found.startswith("order: 'day' holds times from 2020-01-01 to 2021-04-24, and the rows are split at random")
    assert advice(tmp_path, order="day", **shared) == []


def test_a_column_called_a_year_is_a_time(tmp_path: Path) -> None:
    frame = patients(1.0).drop(columns="patient").assign(year=1950 + np.arange(480) // 10)
    frame.to_csv(tmp_path / "a.csv", index=False)
    assert keys(advice(tmp_path, source="a.csv", target="y")) == ["order"]
    assert keys(advice(tmp_path, source="a.csv", target="y", drop=("year",))) == ["order"]
    frame.rename(columns={"year": "height"}).to_csv(tmp_path / "a.csv", index=False)
    assert advice(tmp_path, source="a.csv", target="y") == []


def test_a_dropped_column_of_numbers_is_no_time(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    frame = patients(1.0).drop(columns="patient").assign(price=random.lognormal(6.0, 1.0, 480).round(2))
    frame.to_csv(tmp_path / "a.csv", index=False)
    assert advice(tmp_path, source="a.csv", target="y", drop=("price",)) == []


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name != "mnist_5k"])
@pytest.mark.parametrize("seed", [0, 1])
def test_sets_that_are_sound_get_no_advice(name: str, seed: int, tmp_path: Path) -> None:
    assert advice(tmp_path, source=name, seed=seed) == []


def test_strong_features_are_no_groups(tmp_path: Path) -> None:
    """A whole number that decides on the class is one: rows of neighbouring values are alike, too."""
    random = np.random.default_rng(0)
    age = random.integers(20, 80, 400)
    frame = pandas.DataFrame({"age": age, "y": np.where(age > 50, "old", "young"), "b": random.normal(size=400)})
    frame["city"] = random.choice(["Rome", "Oslo", "Bern"], 400)
    frame.to_csv(tmp_path / "a.csv", index=False)
    assert advice(tmp_path, source="a.csv", target="y", text="one_hot") == []


MAKERS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "line": lambda random: random.normal(size=(500, 1)),
    "plane": lambda random: random.normal(size=(500, 2)),
    "ten": lambda random: random.normal(size=(500, 10)),
    "heavy": lambda random: random.lognormal(sigma=1.5, size=(500, 4)),
    "curve": lambda random: np.sin(np.outer(random.random(500), [1.0, 5.0, 9.0])),
    "clusters": lambda random: (
        5 * random.normal(size=(5, 8))[random.integers(0, 5, 500)] + random.normal(size=(500, 8))
    ),
    "discrete": lambda random: random.integers(0, 5, size=(500, 6)).astype(float),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_rows_that_are_dense_are_no_copies(kind: str) -> None:
    random = np.random.default_rng(0)
    x = MAKERS[kind](random)
    found = find_near_copies(x[:400], x[400:], random)
    assert found.near < 0.03
    assert found.equal <= 3 * found.equal_by_chance


def test_some_near_copies_are_found_among_other_rows() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(500, 6))
    x[400:430] = x[:30] + 0.05 * random.normal(size=(30, 6))
    found = find_near_copies(x[:400], x[400:], random)
    assert found.near == pytest.approx(0.3, abs=0.03)
    assert found.nearness < 0.2


def test_wide_rows_and_rows_beyond_float32_are_looked_at() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(140, 50, 60)).astype(np.float32)
    x[120:130] = x[:10]
    x[135:] = np.inf
    found = find_near_copies(x[:120], x[120:], random)
    assert found.equal == pytest.approx(10 / 15)
    assert find_near_copies(x[:120], x[135:], random).equal == 0.0


def test_the_step_takes_a_column_out_of_the_encodings(tmp_path: Path) -> None:
    """`check` refuses an encoding of a column that decides on the split."""
    frame = patients(0.3).assign(day=[f"2024-{row % 12 + 1:02d}-{row % 28 + 1:02d}" for row in range(480)])
    frame.to_csv(tmp_path / "a.csv", index=False)
    found = advice(tmp_path, source="a.csv", target="y", columns={"day": "date", "patient": "one_hot"})
    assert 'set group = "patient" in [data], and leave "patient" out of [data.columns]' in found[0]
    assert 'set order = "day" in [data], and leave "day" out of [data.columns]' in found[1]


def test_rows_that_are_equal_as_often_by_chance_are_no_copies(tmp_path: Path) -> None:
    """One permutation of two columns says little of 100 rows: it may have a third of the copies."""
    for seed in (0, 33, 50, 69):
        random = np.random.default_rng(seed)
        x = np.stack([random.normal(50, 10, 240).round(1), random.integers(1, 6, 240)], axis=1)
        np.savez(tmp_path / f"{seed}.npz", x=x, y=random.integers(0, 2, 240))
        assert not any("have a copy" in text for text in advice(tmp_path, source=f"{seed}.npz")), seed


def test_many_classes_take_little_memory(tmp_path: Path) -> None:
    """A column for each class in all rows took 8 GB for 60,000 rows of 8,000 classes."""
    many = pandas.DataFrame({"patient": [f"P{row % 50}" for row in range(20_000)]})
    many.assign(y=[f"c{row % 4_000}" for row in range(20_000)]).to_csv(tmp_path / "a.csv", index=False)
    tracemalloc.start()
    try:
        assert profile_table("a.csv", tmp_path, "y").groups == ()
        assert tracemalloc.get_traced_memory()[1] < 200_000_000
    finally:
        tracemalloc.stop()
    classes = np.arange(20_000) % 4_000 // 40
    assert find_groups({"place": classes // 2}, classes, np.arange(20_000), amounts=False) == [], "two classes in each"
    (found,) = find_groups({"place": classes}, classes, np.arange(20_000), amounts=False)
    assert (found.name, found.values) == ("place", 100)

"""The columns of `group`, `order` and `split`, from every source and for every task."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from tuner.catalog import Task
from tuner.data import DataOptions, PreparedData, encode_rows, held_out, prepare, unscaled_splits
from tuner.data.group_and_order_columns import read_split_columns
from tuner.errors import DataError

GROUPS, SIZE = 30, 4
GROUP = np.repeat(np.arange(GROUPS), SIZE)
TARGETS = {
    Task.REGRESSION: {"y": np.random.default_rng(3).normal(size=GROUPS)[GROUP]},
    Task.BINARY: {"y": np.where(np.arange(GROUPS) % 2, "yes", "no")[GROUP]},
    Task.MULTICLASS: {"y": np.array(["a", "b", "c"])[np.arange(GROUPS) % 3][GROUP]},
    Task.MULTILABEL: {"wet": (np.arange(GROUPS) % 2)[GROUP], "cold": np.arange(GROUPS * SIZE) % 2},
}


def table(task: Task = Task.BINARY) -> pandas.DataFrame:
    """120 rows, shuffled: two features, group, date, part, target."""
    random = np.random.default_rng(0)
    rows = len(GROUP)
    part = np.where(GROUP < 20, "train", np.where(GROUP < 25, "Validation", "test"))
    frame = pandas.DataFrame({"a": random.normal(size=rows), "b": random.normal(size=rows), "patient": GROUP})
    frame["patient"] = frame["patient"].map("p{:02d}".format)
    frame["date"] = pandas.date_range("2024-01-30", periods=rows)
    frame["part"] = part
    return frame.assign(**TARGETS[task]).sample(frac=1, random_state=0).reset_index(drop=True)


def measured(data: PreparedData) -> list[set[float]]:
    """What tells the rows of each part apart: a feature."""
    return [set(np.round(split.validation.x[:, 0], 5)) for split in data.splits]


KEYS: list[dict[str, Any]] = [
    {"group": "patient", "drop": ("date", "part")},
    {"order": "date", "drop": ("patient", "part")},
    {"split": "part", "drop": ("patient", "date")},
    {"split": "part", "group": "patient", "drop": ("date",)},
]


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("options", KEYS, ids=lambda options: "+".join(k for k in options if k != "drop"))
@pytest.mark.parametrize("folds", [False, True])
def test_every_task_with_hold_out_and_folds(task: Task, options: dict[str, Any], folds: bool, tmp_path: Path) -> None:
    frame = table(task)
    if folds and "split" in options:
        frame["part"] = frame["part"].str.replace("Validation", "train")
    frame.to_csv(tmp_path / "a.csv", index=False)
    target = tuple(TARGETS[task]) if len(TARGETS[task]) > 1 else "y"
    validation = {"folds": 3} if folds else 0.2
    chosen = DataOptions(source="a.csv", target=target, task=task, validation=validation, **options)
    data, held = prepare(chosen, tmp_path, 0), held_out(chosen, tmp_path, 0)
    assert data.facts.features == ("a", "b")
    assert len(data.splits) == (3 if folds else 1)
    assert any("no feature" in note for note in data.facts.notes)
    units = [split.validation.units for split in data.splits]
    if options.keys() <= {"split", "drop"}:
        assert all(each is None for each in units)
    else:
        assert all(each is not None and len(np.unique(each)) > 1 for each in units)
    by_row = frame.set_index(
        np.round((frame["a"] - data.splits[0].preprocessing.center[0]) / data.splits[0].preprocessing.scale[0], 4)
    )  # type: ignore[union-attr]
    train = by_row.loc[np.round(data.splits[0].train.x[:, 0].astype(float), 4)]
    part = by_row.loc[np.round(data.splits[0].validation.x[:, 0].astype(float), 4)]
    assert len(held.validation) == data.facts.rows["test"] > 0
    if "group" in options:
        assert not set(train["patient"]) & set(part["patient"])
    if "order" in options:
        assert train["date"].max() < part["date"].min()
    if "split" in options and not folds:
        assert set(part["part"]) == {"Validation"}
    parts = unscaled_splits(chosen, tmp_path, 0, data.facts.sha256)
    assert [len(one[1]) for one in parts] == [len(split.validation) for split in data.splits], "exports follow"


def test_every_source_gives_the_same_parts(tmp_path: Path) -> None:
    frame = table()
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    y, x = (frame["y"] == "yes").astype(int).to_numpy(), frame[["a", "b"]].to_numpy()
    np.savez(tmp_path / "a.npz", x=x, y=y, patient=frame["patient"].to_numpy(str), date=frame["date"].to_numpy())
    (tmp_path / "own.py").write_text(
        "import pandas\n"
        "def load():\n"
        "    f = pandas.read_parquet('a.parquet').drop(columns='part')\n"
        "    return f.drop(columns='y'), f['y']\n"
        "def named():\n"
        "    f = pandas.read_parquet('a.parquet')\n"
        "    return {'x': f[['a', 'b']], 'y': f['y'], 'patient': f['patient'], 'date': list(f['date'])}\n".replace(
            "'a.parquet'", repr(str(tmp_path / "a.parquet"))
        )
    )
    for key, name in (("group", "patient"), ("order", "date")):
        other = {"patient": "date", "date": "patient"}[name]
        found = [
            prepare(DataOptions(source=source, target=target, drop=drop, **{key: name}), tmp_path, 0)
            for source, target, drop in (
                ("a.csv", "y", (other, "part")),
                ("a.parquet", "y", (other, "part")),
                ("a.npz", None, ()),
                ("own.py:load", None, (other,)),
                ("own.py:named", None, ()),
            )
        ]
        assert all(measured(one) == measured(found[0]) for one in found)
        assert len({one.facts.sha256 for one in found if one.facts.classes == ("no", "yes")}) == 1


def test_what_decides_is_part_of_the_hash(tmp_path: Path) -> None:
    frame = table()
    hashes = []
    for change in ({}, {"patient": "other"}, {"date": frame["date"].sample(frac=1, random_state=1).to_numpy()}):
        frame.assign(**change).to_parquet(tmp_path / "a.parquet")
        for options in ({"group": "patient", "drop": ("date", "part")}, {"order": "date", "drop": ("patient", "part")}):
            if change.get("patient") and "group" in options:
                continue  # a single group cannot be split
            hashes.append(prepare(DataOptions(source="a.parquet", target="y", **options), tmp_path, 0).facts.sha256)
    assert hashes[1] == hashes[2]
    assert len(set(hashes)) == 3


def test_new_rows_need_no_column_of_the_split(tmp_path: Path) -> None:
    frame = table()
    frame.to_csv(tmp_path / "a.csv", index=False)
    held = held_out(DataOptions(source="a.csv", target="y", group="patient", drop=("date", "part")), tmp_path, 0)
    assert held.preprocessing is not None
    assert encode_rows(frame[["b", "a"]], held.preprocessing, (2,)).shape == (120, 2)


def test_built_in_sets_have_columns_too(tmp_path: Path) -> None:
    data = prepare(DataOptions(source="diabetes", order="age"), tmp_path, 0)
    assert "age" not in data.facts.features
    assert any("By 'age': training 19 to " in note for note in data.facts.notes)


def test_a_part_that_the_column_does_not_give_is_drawn(tmp_path: Path) -> None:
    frame = table()
    frame["part"] = frame["part"].str.lower().replace("validation", "train")
    frame.to_csv(tmp_path / "a.csv", index=False)
    data = prepare(DataOptions(source="a.csv", target="y", split="part", drop=("patient", "date")), tmp_path, 0)
    assert data.facts.rows == {"train": 80, "validation": 20, "test": 20}
    assert "It has no rows for validation, so these were drawn from those for training." in data.facts.notes


def test_notes_count_groups_and_name_one_of_most_rows(tmp_path: Path) -> None:
    frame = table()
    frame["patient"] = np.array(["all", "a", "b"])[np.minimum(np.arange(120) // 100 + np.arange(120) // 110, 2)]
    frame.to_csv(tmp_path / "a.csv", index=False)
    notes = prepare(
        DataOptions(source="a.csv", target="y", group="patient", drop=("date", "part")), tmp_path, 0
    ).facts.notes
    assert any(note.startswith("Only 1 group of 'patient' is for test: ") for note in notes)
    assert any(
        note.startswith("Group 'all' of 'patient' has 100 of the 120 rows, and is in one part") for note in notes
    )


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({"part": "val"}, {"split": "part"}, "says 'val' in row 1.*Did you mean 'validation'"),
        ({"part": "test"}, {"split": "part"}, "must say train in some rows"),
        ({}, {"split": "part", "validation": 0.3}, "`validation` must be left out if the split column says validation"),
        ({}, {"split": "part", "test": 0}, "`test` must be left out if the split column says test"),
        ({"patient": "one"}, {"split": "part", "group": "patient"}, "must be in one part, but 'one' of 'patient'"),
        ({"patient": [None, *"p" * 119]}, {"group": "patient"}, "'patient' lacks 1, the first in row 1"),
        ({}, {"group": "pacient"}, "has no 'pacient'. Did you mean 'patient'"),
        ({"date": "soon"}, {"order": "date"}, "dates as 2026-11-28, but 'date' holds 'soon' in row 1"),
        ({"date": "01/02/2024"}, {"order": "date"}, "may be %d/%m/%Y or %m/%d/%Y, as in '01/02/2024'"),
    ],
)
def test_columns_that_cannot_decide(
    change: dict[str, Any], options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    table().assign(**change).to_csv(tmp_path / "a.csv", index=False)
    drop = tuple({"patient", "date", "part"} - set(options.values()))
    with pytest.raises(DataError, match=words):
        prepare(DataOptions(source="a.csv", target="y", drop=drop, **options), tmp_path, 0)


def in_order(folder: Path, parts: str, test: str = "") -> DataOptions:
    """Write rows of 10 a letter, in an order: t for train, v for validation, s for test; `test` is a second file."""
    words = {"t": "train", "v": "validation", "s": "test"}
    random = np.random.default_rng(0)
    for name, first, letters in (("a.csv", 0, parts), ("b.csv", int(test or 0), "t")):
        rows = 10 * len(letters)
        columns = {"x": random.normal(size=rows), "y": np.arange(rows) % 2, "day": first + np.arange(rows)}
        part = np.repeat([words[letter] for letter in letters], 10)
        pandas.DataFrame({**columns, "part": part}).to_csv(folder / name, index=False)
    more: dict[str, Any] = {"test": "b.csv", "drop": ("part",)} if test else {"split": "part"}
    return DataOptions(source="a.csv", target="y", order="day", **more)


@pytest.mark.parametrize(
    ("parts", "test", "words"),
    [
        ("sttt", "", "no row for the test may be earlier than one for training, but 'day' starts at 0 .*ends at 3. "),
        ("vttts", "", "no row for validation may be earlier than one for training, but 'day' starts at 0 .* 39 "),
        ("tttsv", "", "no row for the test may be earlier than one for validation, but 'day' starts at 30 .* 49 "),
        ("tttv", "", "no row for the test may be earlier than one for validation, but 'day' starts at 2. .* 39 "),
        ("tttt", "35", "no row for the test may be earlier than one for validation, but 'day' starts at 35 .* 39 "),
    ],
)
def test_parts_against_the_order_are_refused(parts: str, test: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"By the order column, {words}"):
        prepare(in_order(tmp_path, parts, test), tmp_path, 0)


@pytest.mark.parametrize(("parts", "test"), [("tttvs", ""), ("ttts", ""), ("tttt", "40"), ("tttt", "39")])
def test_parts_in_their_order_are_taken(parts: str, test: str, tmp_path: Path) -> None:
    assert prepare(in_order(tmp_path, parts, test), tmp_path, 0).facts.rows["test"] == 10


@pytest.mark.parametrize(
    ("values", "days"),
    [
        ([3, 1.5, 2], [2, 0, 1]),
        (["31.01.2024", "01.02.2024", "15.01.2024"], [1, 2, 0]),
        (["1/31/2024", "2/1/2024", "1/15/2024"], [1, 2, 0]),
        (["2024-01-31 10:00", "2024-01-31 09:00", "2024-02-01"], [1, 0, 2]),
        (["2024-01-31T10:00+02:00", "2024-01-31T09:00Z", "2024-01-01"], [1, 2, 0]),
        ([datetime.date(2024, 1, 2), datetime.date(2023, 1, 2), datetime.date(2024, 1, 1)], [2, 0, 1]),
        (np.array(["2024-01", "2023-12", "2024-02"], "datetime64[M]"), [1, 0, 2]),
        (["2024", "2019", "2020"], [2, 0, 1]),
    ],
)
def test_numbers_and_dates_have_an_order(values: Any, days: list[int]) -> None:
    found = read_split_columns(DataOptions(source="s", order="t"), {"t": np.asarray(values)}, "s")["order"]
    assert np.argsort(np.argsort(found)).tolist() == days


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"group": "a", "order": "b"}, "`group` and `order` cannot both decide"),
        ({"group": "y", "target": "y"}, "`group` must be a different column from target"),
        ({"order": "a", "drop": ("a",)}, "`drop` must not name the column of `order`, which is not a feature anyway"),
        ({"split": "a", "validation": "b.csv"}, "`split` and a second source for `validation` cannot both be given"),
    ],
)
def test_keys_that_do_not_go_together(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        DataOptions(source="a.csv", **options)


def test_images_have_no_columns(tmp_path: Path, prepared: Callable[..., PreparedData]) -> None:
    (tmp_path / "pictures").mkdir()
    with pytest.raises(DataError, match="`group` needs a source of the kind"):
        prepared("pictures", group="patient")

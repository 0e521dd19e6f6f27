"""What `check` says of columns, classes and parts that mislead."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tuner.data import DataOptions, prepare


def advice(project: Path, **options: Any) -> list[str]:
    return list(prepare(DataOptions(source="a.csv", target="y", **options), project, 0, advise=True).facts.advice)


def write(project: Path, rows: list[dict[str, Any]]) -> None:
    lines = [",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]
    (project / "a.csv").write_text("\n".join(lines), encoding="utf-8")


def rows(count: int) -> list[dict[str, Any]]:
    chance = random.Random(0)
    return [
        {"x": round(chance.gauss(0, 1), 3), "z": round(chance.random(), 3), "y": chance.choice("ab")}
        for _ in range(count)
    ]


def test_sound_tables_get_none(tmp_path: Path):
    write(tmp_path, rows(600))
    assert advice(tmp_path) == []


def test_texts_that_nearly_all_differ(tmp_path: Path):
    write(tmp_path, [{"name": f"n{number}", **row} for number, row in enumerate(rows(600))])
    [sentence] = advice(tmp_path, text="one_hot")
    assert sentence.startswith("drop: 'name' has 600 different texts in 600 rows")
    assert advice(tmp_path, text="one_hot", drop=("name",)) == []


def test_texts_of_several_words_that_nearly_all_differ(tmp_path: Path):
    told = "this one is about {} things of the same kind"
    write(tmp_path, [{"note": told.format(number), **row} for number, row in enumerate(rows(600))])
    [sentence] = advice(tmp_path, text="one_hot")
    assert sentence.startswith("columns: 'note' has 600 different texts of several words, each a category of one_hot.")
    assert '"note" = "tf_idf" to [data.columns]' in sentence
    assert advice(tmp_path, columns={"note": "tf_idf"}) == []


@pytest.mark.parametrize("kind", ["text", "number"])
def test_a_column_that_tells_the_target(tmp_path: Path, kind: str):
    chance = random.Random(1)
    told = {"text": lambda y: "p" if y == "a" else "q", "number": lambda y: (y == "a") + chance.uniform(0, 0.5)}[kind]
    write(tmp_path, [{"told": told(row["y"]), **row} for row in rows(600)])
    found = [sentence for sentence in advice(tmp_path, text="one_hot") if sentence.startswith("drop:")]
    assert len(found) == 1
    assert re.search(r"'told' alone explains (99|100) % of the errors of the most common class", found[0])


def test_a_column_that_tells_an_amount(tmp_path: Path):
    chance = random.Random(1)
    write(tmp_path, [{"x": chance.random(), "unit": (y := chance.uniform(1, 100)) * 2, "y": y} for _ in range(600)])
    found = [sentence for sentence in advice(tmp_path) if sentence.startswith("drop:")]
    assert [sentence[:13] for sentence in found] == ["drop: 'unit' "]


def test_a_rare_class_and_a_small_validation_part(tmp_path: Path):
    table = rows(480)
    for number in (3, 90, 150, 260):
        table[number]["y"] = "rare"
    write(tmp_path, table)
    found = advice(tmp_path)
    assert any(sentence.startswith("target: rare (") and "balanced_accuracy" in sentence for sentence in found)
    assert any("96 validation rows decide which trial is best, and each is 1.0 % of them" in each for each in found)
    [step] = [found for each in found for found in re.findall(r"validation = { folds = (\d+) }", each)]
    assert int(step) < 5
    prepare(DataOptions(source="a.csv", target="y", validation={"folds": int(step)}), tmp_path, 0)
    assert not any(sentence.startswith("validation") for sentence in advice(tmp_path, validation={"folds": 3}))


@pytest.mark.parametrize(("share", "said"), [(0.02, True), (0.045, True), (0.1, False)])
def test_a_class_of_few_rows(tmp_path: Path, share: float, said: bool):
    table = rows(1000)
    for number in range(0, 1000, round(1 / share)):
        table[number]["y"] = "rare"
    write(tmp_path, table)
    found = [sentence for sentence in advice(tmp_path) if sentence.startswith("target: rare (")]
    assert len(found) == said
    assert all(
        "of 800 rows outside the test part are under 5 %: accuracy hardly reflects them" in sentence
        and sentence.endswith('class_weight = ["none", "balanced"] in [search] tries to train so')
        for sentence in found
    )


def test_of_many_classes_of_one_size_none_is_rare(tmp_path: Path):
    write(tmp_path, [{**row, "y": f"kind {number % 120}"} for number, row in enumerate(rows(2400))])
    assert not any(sentence.startswith("target:") for sentence in advice(tmp_path))


def test_dates_that_would_become_categories(tmp_path: Path):
    dated = [
        {"day": f"2024-{number % 12 + 1:02d}-{number % 25 + 1:02d}", **row} for number, row in enumerate(rows(600))
    ]
    write(tmp_path, dated)
    [sentence] = [each for each in advice(tmp_path, text="one_hot") if each.startswith("columns")]
    assert '\'day\' holds 300 different dates, each a category of one_hot. Add "day" = "date"' in sentence
    assert not any(each.startswith("columns") for each in advice(tmp_path, columns={"day": "date"}))


def test_a_column_with_one_value(tmp_path: Path):
    write(tmp_path, [{"same": 7, **row} for row in rows(600)])
    [sentence] = advice(tmp_path)
    assert sentence == 'drop: one value in all 600 rows: "same". It carries no information; add drop = ["same"]'


@pytest.mark.parametrize(
    ("shape", "right"), [((1, 9, 8), "[9, 8, 1]"), ((9, 1, 8), "[9, 8, 1]"), ((9, 8, 1), None), ((3, 9, 8), None)]
)
def test_an_image_with_a_side_of_one(tmp_path: Path, shape: tuple[int, ...], right: str | None):
    random = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", x=random.normal(size=(600, *shape)), y=random.integers(0, 2, 600))
    found = prepare(DataOptions(source="a.npz"), tmp_path, 0, advise=True).facts.advice
    assert [each.rpartition(" = ")[2] for each in found if each.startswith("shape")] == ([right] if right else [])


@pytest.mark.parametrize("channels", [3, 4])
def test_images_with_their_channels_first(tmp_path: Path, channels: int):
    random = np.random.default_rng(0)
    words = (
        f"source: rows of the shape [{channels}, 9, 8] look like images with their {channels} channels first, and the "
        f"layers of Keras take them last. Save numpy.moveaxis(x, 1, -1), of the shape [9, 8, {channels}]; a `shape` in "
        "[data] would mix the pixels"
    )
    for shape, said in (((channels, 9, 8), True), ((9, 8, channels), False), ((channels, 9, 3), False)):
        np.savez(tmp_path / "a.npz", x=random.normal(size=(600, *shape)), y=random.integers(0, 2, 600))
        found = prepare(DataOptions(source="a.npz"), tmp_path, 0, advise=True).facts.advice
        assert [each for each in found if "channels first" in each] == [words] * said


def test_categories_that_differ_only_in_case_or_blanks(tmp_path: Path) -> None:
    table = rows(600)
    for number, row in enumerate(table):
        row |= {
            "active": ["yes", "No", "no", "YES"][number % 4],
            "y": ["low", "Low", "New York", "new  york"][number % 4],
        }
    write(tmp_path, table)
    [classes, texts] = [text for text in advice(tmp_path, text="one_hot") if "differ only" in text]
    assert classes.startswith(
        "target: classes differ only in case or blanks: 'Low' and 'low'; 'New York' and 'new  york'."
    )
    assert texts.startswith("columns: texts of 'active' differ only in case or blanks: 'No' and 'no'; 'YES' and 'yes'.")
    given = {"active": {"ordinal": ["no", "No", "yes", "YES"]}}
    assert not any("'active' differ" in text for text in advice(tmp_path, columns=given))


def test_texts_and_classes_that_are_numbers_with_a_sign(tmp_path: Path) -> None:
    table = rows(600)
    for number, row in enumerate(table):
        row |= {"share": f"{number % 7}.5%", "y": f"${number % 3}00"}
    write(tmp_path, table)
    [column, classes] = [text for text in advice(tmp_path, text="one_hot") if "numbers with" in text]
    assert column.startswith("columns: 'share' holds numbers with \"%\", such as '0.5%', each a category of one_hot.")
    assert classes.startswith("target: the classes are numbers with \"$\", such as '$000'. If they are amounts, remove")
    for row in table:
        row |= {"share": f"{row['share']} or so", "y": f"{row['y']} and up"}
    write(tmp_path, table)
    assert not any("numbers with" in text for text in advice(tmp_path, text="one_hot"))


def test_arrays_that_nothing_uses(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    arrays = {"x": random.normal(size=(600, 3)), "y": random.integers(0, 2, 600)}
    np.savez(tmp_path / "a.npz", **arrays, weights=np.ones(600), who=np.arange(600) % 60)
    (tmp_path / "own.py").write_text(
        "import numpy\n\ndef load():\n    return dict(numpy.load('a.npz'))\n".replace("a.npz", str(tmp_path / "a.npz"))
    )
    for source in ("a.npz", "own.py:load"):
        found = {}
        for group in (None, "who"):
            advised = prepare(DataOptions(source=source, group=group), tmp_path, 0, advise=True).facts.advice
            found[group] = [each for each in advised if each.startswith("source: nothing uses")]
        assert found[None][0].startswith("source: nothing uses the arrays 'weights' (did you mean weight?), 'who': ")
        assert found["who"][0].startswith("source: nothing uses the array 'weights' (did you mean weight?): ")
    np.savez(tmp_path / "a.npz", **arrays, weight=np.ones(600))
    assert not prepare(DataOptions(source="a.npz"), tmp_path, 0, advise=True).facts.advice

"""`tuner new --data`: a study that runs for a table of one's own."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path
from typing import Any

import pandas
import pytest

from tuner.errors import DataError, StudyFileError
from tuner.space import Categorical
from tuner.study import new_project, read_study, read_study_dict
from tuner.study.table_scaffold import table_study, table_study_name

ROWS = 300


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with every kind of column, and a class of 30 rows."""
    chance = random.Random(1)
    lines = ["patient id,visited,note,city,age,ward,empty,same,told,kind"]
    for row in range(ROWS):
        kind = "rare" if row % 10 == 0 else "common"
        city = chance.choice(["Rome", "Paris", "NA"])
        lines.append(
            f"{row + 1000},2020-01-{row % 28 + 1:02d},note {row},{city},{chance.choice([1.5, 2, '?'])},"
            f"{chance.choice(['', 1, 2])},,7,{'p' if kind == 'rare' else 'q'},{kind}"
        )
    path = tmp_path_factory.mktemp("table") / "own data.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def text(table: Path) -> str:
    return table_study("own", table, "kind", table.parent)


def test_each_column_is_decided(text: str):
    data = tomllib.loads(text)["data"]
    assert data == {
        "source": "own data.csv",
        "target": "kind",
        "task": "binary",
        "drop": ["patient id", "note", "empty", "same"],
        "missing_values": ["?"],
        "missing": "median",
        "text": "one_hot",
        "validation": {"folds": 5},
        "test": 0.2,
        "columns": {"visited": "date"},
    }


@pytest.mark.parametrize(
    "comment",
    [
        "patient id: 300 different values in 300 rows: it seems to name the rows",
        'If new rows are later than these, write order = "visited"',
        "empty: empty in all rows",
        "same: one value in all rows",
        "? in age",
        "told (100 %): by itself it nearly determines the target",
        "common 270, rare 30",
        "The rarest class has 30 rows, the most common 270: balanced_accuracy",
        "city (3) and told (2)",
    ],
)
def test_each_decision_has_its_comment(text: str, comment: str):
    assert comment in " ".join(text.replace("\n#", "").split())


def test_the_study_can_be_read(table: Path, tmp_path: Path):
    made, _ = new_project(tmp_path, table, "kind")
    assert made[0] == tmp_path / "studies" / "own_data.toml"
    spec = read_study(made[0])
    assert spec.name == "own_data"
    assert spec.metric == "balanced_accuracy"
    assert spec.space["class_weight"].parameter == Categorical((0.0, 1.0))
    assert spec.facts.rows == {"train": 192, "validation": 48, "test": 60}


def test_class_weights_are_searched_only_if_classes_are_rare(tmp_path: Path) -> None:
    for rare, metric in ((15, "balanced_accuracy"), (50, "accuracy")):
        lines = ["a,y", *(f"{row % 17},{'no' if row < rare else 'yes'}" for row in range(150))]
        (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
        text = table_study("t", tmp_path / "t.csv", "y", tmp_path)
        content = tomllib.loads(text)
        assert content["objective"]["metric"] == metric
        assert ("class_weight" in content["search"]) is (rare == 15)
        assert ('# "balanced" weighs the rows of rare classes more' in text) is (rare == 15)
        assert content["search"]["model"] == {"units": [32, 64, 128]}


def test_amounts_and_rows_without_a_target(tmp_path: Path):
    path = tmp_path / "prices.csv"
    path.write_text("size,price\n" + "".join(f"{n},{n * 1.5 if n % 7 else ''}\n" for n in range(1, 101)))
    content = tomllib.loads(table_study("prices", path, "price", tmp_path))
    assert content["data"]["task"] == "regression"
    assert content["data"]["missing_target"] == "drop"
    made, _ = new_project(tmp_path, path, "price")
    notes = read_study(made[0]).facts.notes
    assert "14 rows of 100 without a value in 'price' were left out (prices.csv)." in notes


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("kinde", "Did you mean 'kind'?"),
        ("visited", "holds dates"),
        ("same", "one value in all rows"),
        ("age", "holds numbers and texts such as '?'"),
    ],
)
def test_a_target_that_cannot_be_predicted(table: Path, target: str, rule: str):
    with pytest.raises(DataError) as caught:
        table_study("own", table, target, table.parent)
    assert rule in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        (["y", *"abab" * 10], "must have a column besides its target, but t.csv has only 'y'"),
        (["x,y", *(f"{n},{'ab'[n % 2]}" for n in range(40)), "40,c"], "at least 2 rows, but 'c' of 'y' has 1"),
        (["x,y", *(f"{n},0" for n in range(40)), "40,1"], "at least 2 rows, but '1' of 'y' has 1"),
    ],
)
def test_of_a_table_that_no_study_can_use_nothing_is_written(tmp_path: Path, lines: list[str], rule: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DataError, match=rule):
        new_project(tmp_path, path, "y")
    assert list(tmp_path.iterdir()) == [path]


def test_numbers_of_which_one_has_a_single_row_are_amounts(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{n * 0.3},{n % 4}\n" for n in range(80)) + "1,9\n", encoding="utf-8")
    made, _ = new_project(tmp_path, path, "y")
    assert read_study(made[0]).facts.task == "regression"


def test_a_table_without_names(tmp_path: Path):
    path = tmp_path / "cars.csv"
    path.write_text("".join(f"{n},{n % 4},car {n % 3},{n * 1.5}\n" for n in range(1, 101)))
    content = tomllib.loads(table_study("cars", path, "4", tmp_path))
    assert content["data"] | {"validation": 0, "test": 0} == {
        "source": "cars.csv",
        "target": "4",
        "header": False,
        "task": "regression",
        "text": "one_hot",
        "validation": 0,
        "test": 0,
    }
    made, _ = new_project(tmp_path, path, "4")
    assert read_study(made[0]).facts.features == ("1", "2", "3=car 0", "3=car 1", "3=car 2")
    with pytest.raises(DataError, match="has no 'mpg', and its first line seems to be a row.*from 1 to 4"):
        table_study("cars", path, "mpg", tmp_path)


def test_infinite_numbers_are_missing(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{'inf' if n == 9 else n},{n * 1.5}\n" for n in range(1, 101)))
    made, _ = new_project(tmp_path, path, "y")
    assert read_study(made[0]).data.missing_values == ("inf", "-inf")


def test_dates_that_may_be_read_in_two_ways_are_left_out(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("day,x,y\n" + "".join(f"0{n % 9 + 1}/0{n % 5 + 1}/2024,{n},{n * 1.5}\n" for n in range(60)))
    text = table_study("t", path, "y", tmp_path)
    assert tomllib.loads(text)["data"]["drop"] == ["day"]
    assert "cannot be read in one way" in text


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a b.csv", "a_b"),
        ("x.csv.gz", "x"),
        ("é.parquet", "first"),
        (".hidden.csv", "hidden"),
        ("x.toml.csv", "x_toml"),
    ],
)
def test_the_study_is_called_as_its_file(file: str, name: str):
    assert table_study_name(Path(file)) == name


def test_names_with_control_characters_stay_in_their_comment(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text('"a\nb = 1\n[x]",y\n' + "".join(f"v,{n % 2}\n" for n in range(40)))
    content = tomllib.loads(table_study("t", path, "y", tmp_path))
    assert content["data"]["drop"] == ["a\nb = 1\n[x]"]
    assert "x" not in content


def test_a_word_for_missing_cells_among_the_classes_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,y\n" + "".join(f"{n},{('u', 'v', 'NA')[n % 3]}\n" for n in range(60)))
    assert 'write missing_values = ["NA"] and missing_target = "drop"' in " ".join(
        line.removeprefix("# ") for line in table_study("a", path, "y", tmp_path).splitlines()
    )


def test_the_dates_of_a_parquet_file_are_dates(tmp_path: Path) -> None:
    days = pandas.date_range("2024-01-01", periods=60)
    columns: dict[str, Any] = {"day": days, "zoned": days.tz_localize("Europe/Berlin"), "date": days.date}
    columns |= {"lasted": days - days[0], "x": range(60), "y": ["a", "b"] * 30}
    path = tmp_path / "t.parquet"
    pandas.DataFrame(columns).to_parquet(path)
    made, _ = new_project(tmp_path, path, "y")
    data = read_study(made[0]).data
    assert dict(data.columns) == dict.fromkeys(["day", "zoned", "date"], "date")
    assert data.drop == ("lasted",)
    with pytest.raises(DataError, match="'day' holds dates"):
        table_study("own", path, "day", tmp_path)


def test_check_says_what_becomes_of_dates_where_texts_are_encoded(tmp_path: Path) -> None:
    pandas.DataFrame({"day": pandas.date_range("2024-01-01", periods=60), "y": ["a", "b"] * 30}).to_parquet(
        tmp_path / "t.parquet"
    )
    data = {"source": "t.parquet", "target": "y", "text": "one_hot"}
    with pytest.raises(StudyFileError, match=r'Add "day" = "date" to \[data\.columns\], or `drop` it'):
        read_study_dict({"name": "t", "model": "models/mlp.py", "data": data}, tmp_path)


def test_folds_are_no_more_than_the_rows_of_the_rarest_class(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{row},{'rare' if row < 3 else 'ab'[row % 2]}\n" for row in range(90)))
    made, _ = new_project(tmp_path, path, "y")
    assert read_study(made[0]).data.validation.folds == 3
    assert "each trial trains 3 times, as the rarest class has 3 rows" in made[0].read_text(encoding="utf-8")


def test_numbers_with_a_sign_name_no_rows_and_are_no_classes(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = "".join(f'{n / 7:.3f}%,"${n * 1234:,}",a{n},{"True" if n % 2 else "False"}\n' for n in range(1, 91))
    path.write_text(f"share,price,code,y\n{rows}")
    text = table_study("t", path, "y", tmp_path)
    assert '#   share: numbers with "%", as in 0.143%: read as texts; to use them, remove it from the file' in text
    assert '#   price: numbers with "$", as in $1,234: read' in text
    assert "#   code: 90 different values in 90 rows: it seems to name the rows" in text
    with pytest.raises(DataError, match=r"'price' holds numbers with '\$', such as '\$1,234'"):
        table_study("t", path, "price", tmp_path)


def test_few_numbers_with_a_sign_are_said(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("share,y\n" + "".join(f"{n % 7}%,${n % 3}00\n" for n in range(90)))
    words = " ".join(table_study("t", path, "y", tmp_path).replace("\n#", "").split())
    assert 'If they are amounts, remove "$" from the file, and write task = "regression".' in words
    assert 'Numbers with a sign are read as texts: to use them, remove it from the file: share ("%").' in words


def test_classes_of_true_and_false_are_called_so(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{n},{'True' if n % 3 else 'False'}\n" for n in range(90)))
    text = table_study("t", path, "y", tmp_path)
    assert "# Rows of each class: True 60, False 30.\n" in text


def test_a_column_of_groups_gets_one_piece_of_advice_here_and_from_check(tmp_path: Path) -> None:
    chance = random.Random(0)
    lines = ["patient,a,y"]
    for patient in range(40):
        kind = chance.choice(["sick", "well"])
        lines += [f"P{patient:02d},{chance.gauss(0, 1):.3f},{kind}" for _ in range(10)]
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    (study, *_), _ = new_project(tmp_path, tmp_path / "a.csv", "y")
    words = " ".join(study.read_text(encoding="utf-8").replace("\n#", "").split())
    assert "patient looks like a group: it has 40 values" in words
    assert 'write group = "patient"' in words
    assert "Look at" not in words
    advice = read_study(study).facts.advice
    assert [line.partition(":")[0] for line in advice if "'patient'" in line] == ["group"]


def test_rare_classes_are_advised_on_only_if_the_metric_is_accuracy(tmp_path: Path) -> None:
    """The study of such a table has balanced_accuracy, and `check` advised to set it."""
    lines = ["a,y", *(f"{row % 17},{'rare' if row < 4 else 'ab'[row % 2]}" for row in range(600))]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    (study, *_), _ = new_project(tmp_path, tmp_path / "t.csv", "y")
    text = study.read_text(encoding="utf-8")
    assert 'metric = "balanced_accuracy"' in text
    assert not any("balanced_accuracy" in sentence for sentence in read_study(study).advice)
    study.write_text(text.replace("balanced_accuracy", "accuracy"), encoding="utf-8")
    assert any("balanced_accuracy weighs all classes equally" in sentence for sentence in read_study(study).advice)

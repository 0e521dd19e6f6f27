"""The whole way with real training: search, train again, save; then plain Keras in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
from in_process import InProcess, searched

import tuner
from tuner.data import DataOptions, encode_rows, held_out
from tuner.errors import DataError
from tuner.refit import RefitOptions, RefitResult, refit_leaders
from tuner.storage import open_database

pytestmark = pytest.mark.slow

SEARCH = {"optimizer": ["adam"], "learning_rate": {"low": 1e-3, "high": 1e-2, "log": True}}
DIGITS = {
    "name": "digits",
    "model": "models/mlp.py",
    "data": {"source": "digits"},
    "search": {**SEARCH, "model": {"units": [[32]], "batch_norm": True}},
    "budget": {"trials": 5, "epochs": 10},
    "pruner": {"name": "none"},
}

LOAD = """
import sys
sys.modules["tuner"] = None
import keras
import numpy as np
model = keras.saving.load_model(sys.argv[1])
with np.load(sys.argv[2]) as rows:
    print((model.predict(rows["x"], verbose=0).argmax(axis=1) == rows["y"]).mean())
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real")


def trained(content: dict, place: Path, **options: int) -> RefitResult:
    database = open_database(f"sqlite:///{place}/runs/tuner.db", create=True)
    study = searched(content, place, database)
    return refit_leaders(study, place, RefitOptions(place / f"{content['name']}.keras", **options), InProcess)


@pytest.fixture(scope="module")
def digits(place: Path) -> RefitResult:
    return trained(DIGITS, place, top=2, seeds=3)


def test_the_test_accuracy_lies_where_it_was_expected(digits: RefitResult) -> None:
    assert digits.verdict == "winner"
    assert digits.test is not None
    assert digits.expected is not None
    assert 0.9 < digits.expected.low < digits.test.mean < digits.expected.high
    assert digits.baseline.validation < 0.15
    assert digits.baseline.test is not None
    assert digits.baseline.test < 0.15


def test_plain_keras_scores_what_was_scored(digits: RefitResult, place: Path) -> None:
    """The rows are those of the source: pixels from 0 to 16."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    held = held_out(DataOptions.model_validate(digits.recipe.data), place, 0)  # type: ignore[union-attr]
    assert held.preprocessing is not None
    rows = held.validation.x * held.preprocessing.scale + held.preprocessing.center
    assert np.isin(np.round(rows), x).all()
    np.savez(place / "rows.npz", x=np.round(rows), y=held.validation.y.argmax(axis=1))
    command = [sys.executable, "-c", LOAD, str(place / "digits.keras"), str(place / "rows.npz")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=place)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(digits.test.value)  # type: ignore[union-attr]


def test_ours_says_it_in_words(digits: RefitResult, place: Path) -> None:
    from sklearn.datasets import load_digits

    saved = tuner.load(place / "digits.keras")
    x, y = load_digits(return_X_y=True, as_frame=True)
    table = x.set_axis(saved.about.preprocessing.features, axis="columns")
    answers = saved.predict(table[table.columns[::-1]])
    assert (answers == y.astype(str).to_numpy()).mean() > 0.95
    assert saved.scores(x.to_numpy()).shape == (1797, 10)
    assert tuner.best(place / "digits.keras") == digits.recipe
    assert saved.about.scores["chosen"] == digits.chosen


def test_a_table_with_texts_and_a_target_of_its_own_unit(place: Path) -> None:
    random = np.random.default_rng(0)
    area, colour = random.uniform(50, 150, 240), random.choice(["red", "green", "blue"], 240)
    price = 2e5 + 1e3 * area + 5e4 * (colour == "red") + random.normal(0, 5e3, 240)
    # A column called as an encoded category, and codes that are numbers but for one.
    frame = pandas.DataFrame({"area": area, "colour": colour, "colour=red": random.normal(size=240), "price": price})
    frame["zone"] = random.choice(["101", "102", "K1A"], 240)
    frame["far"] = 1e9 + random.normal(size=240)
    frame.loc[::9, "area"] = np.nan
    frame.to_csv(place / "houses.csv", index=False)
    data = {"source": "houses.csv", "target": "price", "text": "one_hot", "missing": "median"}
    budget = {"trials": 3, "epochs": 40}
    found = trained(
        {**DIGITS, "name": "houses", "data": {**data, "validation": {"folds": 2}}, "budget": budget, "search": SEARCH},
        place,
        top=1,
        seeds=2,
    )
    assert found.verdict == "winner"
    assert found.metric == "mean_absolute_error"
    assert found.baseline.answer.startswith(("the mean", "the median"))
    assert 10_000 < found.baseline.validation < 60_000, "in the unit of the target"
    assert found.test is not None
    assert 0 < found.test.mean < found.baseline.test  # type: ignore[operator]
    saved = tuner.load(place / "houses.keras")
    answers = saved.predict(place / "houses.csv")
    assert answers.shape == (240,)
    assert np.corrcoef(answers, price)[0, 1] > 0.8
    assert saved.predict(frame[frame.columns[::-1]].assign(more="text")) == pytest.approx(answers, rel=1e-5)
    digits = np.flatnonzero(frame["zone"] != "K1A")[:5]
    typed = frame.iloc[digits].astype({"zone": int, "colour": "category", "area": object})
    assert saved.predict(typed) == pytest.approx(answers[digits], rel=1e-5)
    given = saved.about.preprocessing
    prepared = given.apply(encode_rows(frame, given, (len(given.features),)))
    inner = sum(saved.model.get_layer(f"mlp_{n}").predict(prepared, verbose=0) for n in (1, 2))
    assert np.corrcoef(inner[:, 0], answers)[0, 1] == pytest.approx(1.0), "rows are scaled before they are float32"
    with pytest.raises(DataError, match="'area' in row 2 does not"):
        saved.predict(typed.assign(area=[0.0, np.inf, 0.0, 0.0, 0.0]))


def test_noise_has_no_winner(place: Path) -> None:
    random = np.random.default_rng(1)
    np.savez(place / "noise.npz", x=random.normal(size=(300, 10)), y=random.integers(0, 2, 300))
    content = {**DIGITS, "name": "noise", "data": {"source": "noise.npz"}, "search": SEARCH}
    found = trained({**content, "budget": {"trials": 12, "epochs": 5}}, place, top=2, seeds=2)
    assert found.verdict == "none"
    assert not (place / "noise.keras").exists()
    assert found.test is None
    assert json.dumps(found.to_json())

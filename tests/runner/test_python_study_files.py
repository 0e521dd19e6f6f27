"""A study of a Python session is run and resumed; what would change its setup is refused before it is written."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import mock_study
import numpy as np
import pytest
from notebook_cells import Session

import tuner
import tuner.runner.launch
import tuner.storage
from tuner.errors import ContentError, StorageUnavailableError, StudyChangedError, StudyFileError, UsageError
from tuner.executors import InlineExecutor
from tuner.study import fingerprint, read_study

X, Y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
PARTS: dict[str, Any] = {
    "model": "models/mlp.py",
    "data": (X, Y),
    "search": {"learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}},
    "trials": 2,
    "epochs": 2,
    "name": "first",
}

Run = Callable[..., tuner.StudyHandle]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the study of `PARTS`, with some replaced, in a folder that was empty; no trial costs anything."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tuner.runner.launch, "LocalExecutor", lambda *_, **__: InlineExecutor(mock_study.trainer))
    return lambda **parts: tuner.run(**{**PARTS, **parts})


def files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path("studies").iterdir()}


def test_the_study_file_goes_on_with_the_study(run: Run) -> None:
    handle = run()
    assert (len(handle.trials), handle.ended) == (2, "trials")
    spec = read_study("studies/first.toml", overrides={"trials": 3})
    assert fingerprint(spec) == handle.results().record.attrs.fingerprint
    assert len(tuner.run("studies/first.toml", trials=3).trials) == 3
    assert len(run(trials=4).trials) == 4
    assert "trials = 4" in Path("studies/first.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("changed", "lines"),
    [
        ({"data": (X + 1, Y)}, ["the content of the data: "]),
        ({"search": {"momentum": [0.5, 0.9]}}, ["search.learning_rate: ", "search.momentum: "]),
        (
            {"data": {"source": (X + 1, Y), "scale": "none"}, "epochs": 3},
            ["epochs: 2 before, 3 now", "the content of the data: ", "data.scale: standardize before, none now"],
        ),
    ],
)
def test_another_setup_is_refused_before_anything_is_written(
    changed: dict[str, Any], lines: list[str], run: Run
) -> None:
    run()
    before = files()
    with pytest.raises(StudyChangedError) as caught:
        run(**changed)
    found = [line.strip() for line in str(caught.value).splitlines() if line.startswith("  ")]
    assert len(found) == len(lines)
    assert all(line.startswith(start) for line, start in zip(found, lines, strict=True))
    assert 'name="first-2"' in str(caught.value)
    assert files() == before
    assert len(run(**changed, name="first-2").trials) == 2


BUILD = """
import keras

def block(x, units):
    return keras.layers.Dense(units)(x)

def build(inputs, outputs, *, activation, initializer, units=8):
    rows = keras.Input(inputs)
    return keras.Model(rows, block(block(rows, units), outputs))
"""
LOSS = """
def own(y_true, y_pred, *, gamma=2.0):
    return ((y_true - y_pred) ** gamma).mean()
own.heads = {"binary": "sigmoid"}
"""


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    session = Session()
    monkeypatch.setitem(sys.modules, "keras", ModuleType("keras"))  # it is imported, and never used here
    monkeypatch.setitem(sys.modules, "__main__", session.module)
    session.run(BUILD)
    session.run(LOSS)
    return session


def test_functions_of_a_session_are_a_study_of_files(run: Run, session: Session) -> None:
    build, own = session.names["build"], session.names["own"]
    search = {"loss": [own, "binary_crossentropy"], "loss_options": {own: {"gamma": [1.0, 2.0]}}}
    parts = {"model": build, "name": None, "search": {**search, "model": {"units": [4, 8]}}}
    handle = run(**parts)
    assert handle.name == "build"
    spec = read_study("studies/build.toml", overrides={"trials": 3})
    assert fingerprint(spec) == handle.results().record.attrs.fingerprint
    assert {dimension.name for dimension in spec.space.searched} == {
        "loss",
        "loss.studies/build.py:own.gamma",
        "model.units",
    }
    session.run(BUILD.replace("    rows", "    # the rows\n    rows"))
    assert len(run(**{**parts, "model": session.names["build"]}, trials=3).trials) == 3
    before = files()
    session.run(BUILD.replace("Dense(units)", "Dense(units, 'relu')"))
    with pytest.raises(StudyChangedError) as caught:
        run(**{**parts, "model": session.names["build"]}, data=(X + 1, Y))
    lines = [line for line in str(caught.value).splitlines() if line.startswith("  ")]
    assert lines[0].startswith("  the content of the data: ")
    assert lines[1:] == [
        "  the content of studies/build.py:",
        "    -    return keras.layers.Dense(units)(x)",
        "    +    return keras.layers.Dense(units, 'relu')(x)",
    ]
    assert files() == before


def test_a_function_that_gets_another_name_or_is_given_up(run: Run, session: Session) -> None:
    build = session.names["build"]
    run(model=build)
    before = files()
    session.run(BUILD.replace("def build", "def make"))
    for model, words in ((session.names["make"], "def make"), ("models/mlp.py", "models/mlp.py:build now")):
        with pytest.raises(StudyChangedError, match=words):
            run(model=model)
    assert files() == before


def test_a_function_that_cannot_travel_leaves_nothing(run: Run, session: Session) -> None:
    session.run("import numpy as np\nweights = np.ones(3)\ndef other(*given):\n    return weights\n")
    with pytest.raises(ContentError, match="other uses 'weights'"):
        run(model=session.names["other"])
    with pytest.raises(StudyFileError, match="model"):
        run(model=session.names["build"], search={"model": {"depth": [1, 2]}})
    assert not Path("studies").exists() or files() == {}


def test_a_data_function(run: Run, session: Session) -> None:
    load = session.run("import numpy as np\ndef load():\n    return np.arange(60.0)[:, None], np.arange(60) % 2\n")
    run(data=load)
    assert read_study("studies/first.toml").facts.rows["train"] == 36


def test_the_same_rows_in_another_precision_are_the_same_setup(run: Run) -> None:
    rows = X.astype("float32")
    run(data=(rows, Y))
    before = files()["first.npz"]
    assert len(run(data=(rows.astype("float64"), Y), trials=3).trials) == 3
    assert files()["first.npz"] == before


def test_a_study_without_trials_may_change(run: Run) -> None:
    with pytest.raises(StudyFileError, match="search.learning_rat"):
        run(search={"learning_rat": 0.1})
    assert files() == {}
    run(data=(X + 1, Y), restart=True)
    assert len(run(restart=True).trials) == 2


def test_nothing_is_replaced_while_the_trials_are_not_known(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    before = files()

    def locked(url: str) -> None:
        raise StorageUnavailableError("The database is locked.")

    monkeypatch.setattr(tuner.storage, "open_read_only", locked)
    with pytest.raises(StorageUnavailableError):
        run(data=(X + 1, Y))
    assert files() == before


def test_files_are_for_those_whom_the_umask_lets(run: Run) -> None:
    before = os.umask(0o027)
    try:
        run()
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in Path("studies").iterdir()} == {0o640}


def test_a_study_or_its_parts(run: Run) -> None:
    run()
    with pytest.raises(UsageError, match="`model` is a part of a study"):
        tuner.run("studies/first.toml", model="models/mlp.py")
    with pytest.raises(UsageError, match="A study needs model"):
        tuner.run()


def test_files_go_into_the_project_that_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    handle = run(project="there")
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["runs", "studies"]
    assert len(handle.trials) == 2
    assert len(tuner.run("there/studies/first.toml", trials=3).trials) == 3

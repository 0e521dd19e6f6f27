"""What is exported is read again, and a trial that cannot be exported is refused."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from mock_results import mock_results

import tuner
from tuner.catalog import LOSSES, METRICS, SCHEDULES
from tuner.data import DataOptions, prepare, unscaled_splits
from tuner.engines import repeat_seed
from tuner.errors import CodeError, DataError, NoBestTrialError, RecipeError, StudyNotFoundError, UsageError
from tuner.export import Export, export, python_script, read_export, save_rows
from tuner.export.exported_recipe import SplitTraining
from tuner.export.script import compose
from tuner.export.script.extract import definitions
from tuner.refit import RefitOptions, refit_leaders
from tuner.refit.finalists import leaders
from tuner.results import StoredStudy, best_trial, read_study_results
from tuner.storage import StudySession, open_database
from tuner.user_code import sha256


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="module")
def small(place):
    """A study with class weights, a list as option, and folds."""
    search = {
        "optimizer": ["sgd", "adam"],
        "learning_rate": {"low": 1e-3, "high": 1.0, "log": True},
        "class_weight": "balanced",
        "model": {"units": [[8, 4]]},
    }
    data = {"source": "iris", "validation": {"folds": 3}, "test": 0.1}
    return mock_results(place, search=search, data=data, budget={"trials": 12, "epochs": 2}, diverges_above=0.05)


@contextlib.contextmanager
def changed_copy(study: StoredStudy, folder: Path) -> Iterator[sqlite3.Connection]:
    """A copy of the database as `changed.db`, to be changed by a stranger."""
    with (
        contextlib.closing(sqlite3.connect(study.database.engine.url.database)) as before,
        contextlib.closing(sqlite3.connect(folder / "changed.db")) as copy,
    ):
        before.backup(copy)  # a copied file would lack what is still in the write-ahead log
        yield copy
        copy.commit()


def test_both_formats_hold_all_of_it(small, place):
    found = export(small, place)
    best = best_trial(small)
    assert (found.trial, found.value, found.recipe) == (best.trial, best.value, best.recipe)
    assert len(found.splits) == 3
    for content in (json.loads(json.dumps(found.to_json())), tomllib.loads(found.to_toml())):
        again = Export.from_json(content)
        assert again.recipe.class_weight == found.recipe.class_weight
        assert again.to_json()["recipe"] | {"data": None} == found.to_json()["recipe"] | {"data": None}
        for split, before in zip(again.splits, found.splits, strict=True):
            assert split.to_json() == before.to_json()


@pytest.mark.parametrize("folds", [1, 3])
def test_with_repeats_each_split_has_its_trainings(folds, place, tmp_path):
    """All splits are trained with the seed of the trial, then with the next one."""
    validation = {"folds": folds} if folds > 1 else 0.25
    study = mock_results(
        tmp_path, data={"source": "iris", "validation": validation}, budget={"trials": 3, "epochs": 30}
    )
    number = best_trial(study).trial
    epochs, values = list(range(5, 5 + 2 * folds)), [0.1 * k for k in range(2 * folds)]
    study.record.trials[number].user_attrs.update(selected_epochs=epochs, training_values=values)
    found = export(study, tmp_path)
    seed = found.recipe.seed
    for index, split in enumerate(found.splits):
        assert [one.epochs for one in split.trainings] == [epochs[index], epochs[folds + index]]
        assert [one.value for one in split.trainings] == [values[index], values[folds + index]]
        assert [one.seed for one in split.trainings] == [seed, repeat_seed(seed, 1)]
        assert split.to_json()["epochs"] == epochs[index]
    script = python_script(found, tmp_path)
    assert f"SEEDS = [{seed}, {repeat_seed(seed, 1)}]" in script
    assert f'"epochs": [{epochs[0]}, {epochs[folds]}]' in script
    assert "the mean of trainings with 2 seeds" in script
    for content in (json.loads(json.dumps(found.to_json())), tomllib.loads(found.to_toml())):
        assert Export.from_json(content).splits[0].trainings == found.splits[0].trainings
        for split in content["splits"]:
            del split["trainings"]  # as older versions wrote it
        assert Export.from_json(content).splits[0].trainings == (SplitTraining(seed, epochs[0]),)


def test_best_takes_a_name_a_study_file_and_an_exported_file(small, place, tmp_path, monkeypatch):
    monkeypatch.chdir(place)
    recipe = tuner.best("mock")
    found = export(small, place)
    (tmp_path / "best.json").write_text(json.dumps(found.to_json()), encoding="utf-8")
    (tmp_path / "best.toml").write_text(found.to_toml(), encoding="utf-8")
    (tmp_path / "shown.json").write_text(json.dumps(best_trial(small).to_json()), encoding="utf-8")
    for name in ("best.json", "best.toml", "shown.json"):
        again = tuner.best(tmp_path / name)
        assert again.model_copy(update={"data": {}}) == recipe.model_copy(update={"data": {}})
        assert DataOptions.model_validate(again.data) == DataOptions.model_validate(recipe.data)
    study_file = place / "studies" / "mock.toml"
    study_file.parent.mkdir()
    study_file.write_text('name = "mock"\nmodel = "models/mlp.py"\n[data]\nsource = "iris"\n', encoding="utf-8")
    assert tuner.best(str(study_file)) == recipe
    with pytest.raises(StudyNotFoundError):
        tuner.best("nothing")


@pytest.mark.parametrize("name", ["up.JSON", "up.KERAS", "x" * 300])
def test_best_takes_a_name_that_looks_like_a_file(name, small, tmp_path, monkeypatch):
    """`tuner run` takes these names."""
    monkeypatch.chdir(tmp_path)
    with changed_copy(small, tmp_path) as copy:
        copy.execute("UPDATE studies SET study_name = ?", (name,))
        copy.commit()
    assert tuner.best(name, storage=f"sqlite:///{tmp_path}/changed.db") == tuner.best(
        "mock", storage=small.database.url
    )
    (tmp_path / "up.JSON").write_text("{", encoding="utf-8")
    with pytest.raises(UsageError, match=r"Export it again\.$"):
        tuner.best("up.JSON")


@pytest.mark.parametrize("text", ["{", '{"recipe": {"task": "binary"}}', '{"recipe": {"nothing": 1}}'])
def test_a_broken_file_is_refused(text, tmp_path):
    (tmp_path / "best.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"Export it again\.$"):
        tuner.best(str(tmp_path / "best.json"))


@pytest.mark.parametrize("name", ["best.json", "best.toml"])
def test_a_hostile_file_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["tuner.export.exported_recipe"], "MAX_JSON_BYTES", 10_000)
    for text in ("[" * 9_000, "x.a." * 2_000 + "a = 1", " " * 10_001, "1" * 9_000):
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match=r"must be an exported recipe, .* Export it again\.$"):
            read_export(tmp_path / name)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(UsageError, match="it is a named pipe"):
        read_export(tmp_path / name)


def test_a_study_without_trials_is_not_exported(tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/t.db", create=True)
    StudySession(database, "empty", "minimize").close()
    with pytest.raises(NoBestTrialError, match=r"'empty' has none yet \(no trials\)"):
        export(read_study_results(database, "empty"), tmp_path, 0)
    database.close()


def test_only_complete_trials_are_exported(small, place):
    diverged = next(trial.number for trial in small.record.trials if small.trial_state(trial)[0] != "complete")
    with pytest.raises(NoBestTrialError, match=f"trial {diverged} of 'mock' has diverged"):
        export(small, place, diverged)
    with pytest.raises(UsageError, match="has the trials 0 to 11, but got 12"):
        export(small, place, 12)
    complete = next(trial for trial in small.record.trials if small.trial_state(trial)[0] == "complete")
    assert export(small, place, complete.number).value == complete.value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.head", "''', __=__import__('os').system('touch PWNED')): #"),
        ("$.data.source", "scripts/deploy.py:wipe"),
        ("$.model.reference", "scripts/deploy.py:wipe"),
        ("$.model.sha256", "0" * 64),
        ("$.metric", "log_loss"),
        ("$.data.scale", "none"),
        ("$.data.scale", "nothing"),
        ("$.learning_rate", -1),
    ],
)
def test_a_recipe_that_was_changed_in_the_database_is_refused(small, tmp_path, path, value):
    """What makes no recipe, or one for another setup than the fingerprint of the study."""
    with changed_copy(small, tmp_path) as copy:
        copy.execute("update tuner_recipes set recipe = json_set(recipe, ?, ?)", (path, value))
    changed = read_study_results(open_database(f"sqlite:///{tmp_path}/changed.db", create=False), "mock")
    for read in (best_trial, lambda study: export(study, tmp_path), lambda study: leaders(study, 3)):
        with pytest.raises(RecipeError, match="The database holds a recipe of trial"):
            read(changed)


@pytest.mark.parametrize("key", ["data.source", "data.test", "model"])
def test_code_that_only_the_database_names_is_not_run(small, place, tmp_path, key):
    """A database may name any file of the reader's project, with the hash of its content, and agree with itself."""
    script = tmp_path / "scripts" / "deploy.py"
    script.parent.mkdir()
    script.write_text("def wipe(*args, **options):\n    raise SystemExit('it was run')\n", encoding="utf-8")
    named = {"data.source": "$.data.source", "data.test": "$.data.test", "model": "$.model.reference"}[key]
    digest = sha256(script) if key == "model" else best_trial(small).recipe.model.sha256
    with changed_copy(small, tmp_path) as copy:
        recipes = "update tuner_recipes set recipe = json_set(recipe, ?, 'scripts/deploy.py:wipe', '$.model.sha256', ?)"
        copy.execute(recipes, (named, digest))
        fingerprints = (
            "update study_user_attributes set value_json = "
            "json_set(value_json, '$.\"' || ? || '\"', 'scripts/deploy.py:wipe', '$.model_sha256', ?) "
            "where key = 'tuner:fingerprint'"
        )
        copy.execute(fingerprints, (key, digest))
    changed = read_study_results(open_database(f"sqlite:///{tmp_path}/changed.db", create=False), "mock")
    with pytest.raises(CodeError, match=r"scripts/deploy\.py:wipe"):
        refit_leaders(changed, tmp_path, RefitOptions(tmp_path / "a.keras"), lambda *_: pytest.fail("started"))
    with pytest.raises(CodeError, match=r"scripts/deploy\.py:wipe"):
        python_script(export(changed, tmp_path), tmp_path)


def test_other_data_are_refused(small, place, monkeypatch):
    monkeypatch.setitem(vars(small.record.attrs.info.facts), "sha256", "0" * 64)
    with pytest.raises(DataError, match="must stay as they were"):
        export(small, place)


def test_rows_are_not_written_from_other_data(small, place, tmp_path, monkeypatch):
    found = export(small, place)
    monkeypatch.setitem(vars(small.record.attrs.info.facts), "sha256", "0" * 64)
    with pytest.raises(DataError, match="must stay as they were"):
        save_rows(small, found, place, tmp_path / "rows.npz")
    assert not (tmp_path / "rows.npz").exists()


def test_the_rows_and_the_numbers_give_what_is_trained(small, place, tmp_path):
    found = export(small, place)
    save_rows(small, found, place, tmp_path / "rows.npz")
    prepared = prepare(DataOptions.model_validate(found.recipe.data), place, 0)
    with np.load(tmp_path / "rows.npz") as rows:
        for number, (split, fitted) in enumerate(zip(prepared.splits, found.splits, strict=True), start=1):
            for part, expected in (("train", split.train), ("validation", split.validation)):
                assert np.array_equal(fitted.preprocessing.apply(rows[f"x_{part}_{number}"]), expected.x)
                assert np.array_equal(rows[f"y_{part}_{number}"].astype("float32"), expected.y)


def test_unscaled_rows_have_lost_their_outliers_and_kept_their_unit(tmp_path):
    options = DataOptions.model_validate({"source": "diabetes", "outliers": "drop_zscore", "scale": "robust"})
    ((train, validation),) = unscaled_splits(options, tmp_path, 0)
    (split,) = prepare(options, tmp_path, 0).splits
    assert len(train) == len(split.train)
    assert validation.y.min() > 20
    for rows, expected in ((train, split.train), (validation, split.validation)):
        scaled = (rows.y - split.target_center) / split.target_scale
        assert np.array_equal(scaled.astype("float32"), expected.y)


def test_definitions_come_with_what_they_use(tmp_path):
    file = tmp_path / "code.py"
    file.write_text(
        "import math\nimport os\nfrom tuner import x\n\nFACTOR = 2\n\n\n"
        "@staticmethod\ndef one():\n    return two()\n\n\n"
        "def two():\n    return FACTOR * math.pi\n\n\ndef three():\n    return os.name\n",
        encoding="utf-8",
    )
    imports, texts = definitions(file, ["one"])
    assert imports == ["import math"]
    assert texts == [
        "FACTOR = 2",
        "@staticmethod\ndef one():\n    return two()",
        "def two():\n    return FACTOR * math.pi",
    ]


def test_what_scripts_copy_from_the_package_is_there():
    for name in METRICS:
        assert definitions(compose._METRICS, [METRICS[name].name])[1]
    for name, row in SCHEDULES.items():
        if not row.constant:
            assert definitions(compose._SCHEDULES / f"{name}.py", ["ReduceOnPlateau" if row.stateful else name])[1]
    for name, loss in LOSSES.items():
        if loss.own_class:
            assert definitions(compose._CATALOG / f"{name}.py", [loss.own_class])[1]
    assert definitions(compose._RUNTIME_HELPERS, ["ProjectFiles", "predict", "regularize", "Plateau", "Rates"])[1]

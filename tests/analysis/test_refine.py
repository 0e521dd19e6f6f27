"""A refined study is a study, and asks what its comments say."""

from __future__ import annotations

import tomllib
from pathlib import Path

import mock_study
import optuna
import pytest
from mock_results import mock_results, url_of

from tuner.analysis import refine
from tuner.analysis.refinement.refined_study import MIN_TRIALS
from tuner.errors import NoBestTrialError, StudyFileError, UsageError
from tuner.results import read_study_results
from tuner.search import params_from_trial, project
from tuner.storage import open_database
from tuner.study import read_study, read_study_dict
from tuner.text import percent

PROJECT = Path(__file__).parents[2]


def test_the_file_is_a_narrower_study(study, tmp_path):
    refined = refine(study, tmp_path / "fine.toml", tmp_path)
    spec = read_study_dict(tomllib.loads(refined.text), tmp_path)
    assert spec.name == "mock_fine"
    assert "learning_rate" not in spec.space, "each optimizer has its own"
    for name in ("sgd", "adam", "adagrad"):
        rate = spec.space[f"optimizer.{name}.learning_rate"].parameter
        assert 1e-4 < rate.low < 0.03 < rate.high < 10.0
        assert rate.log
    old = mock_study.spec_of(tmp_path, sampler={"name": "random"}, budget={"trials": 60, "epochs": 5})
    assert (spec.budget, spec.data, spec.metric, spec.sampler) == (old.budget, old.data, old.metric, old.sampler)
    best = max((t for t in study.record.trials if study.trial_state(t)[0] == "complete"), key=lambda t: t.value)
    assert project(spec.space, spec.own_points[0]) == spec.space.resolve(lambda d: spec.own_points[0][d.name])
    values = {name: value for name, value in params_from_trial(best, old.space).items() if old.space[name].is_searched}
    rate = f"optimizer.{values['optimizer']}.learning_rate"
    assert spec.own_points[0] == {rate if name == "learning_rate" else name: v for name, v in values.items()}


def test_the_space_is_halved_at_least_and_the_file_says_how_much(study, tmp_path):
    refined = refine(study, tmp_path / "fine.toml", tmp_path)
    assert refined.volume < 0.5
    assert refined.not_halved is None
    assert f"{percent(refined.volume)} are in this one. Everything else" in refined.text.replace("\n# ", " ")


def test_comments_say_why(study, tmp_path):
    lines = refine(study, tmp_path / "fine.toml", tmp_path).text.splitlines()
    above = lines[next(i for i, line in enumerate(lines) if line.startswith("learning_rate")) - 1]
    assert above.startswith("# 0.0001 … 10 (log) before; the best ")
    assert lines[0].startswith("# A narrower study around the best trials of 'mock'")


CONDITIONS = {
    "name": "conditions",
    "model": "models/mlp.py",
    "data": {"source": "iris"},
    "search": {
        "optimizer": ["sgd", "adagrad", "adam"],
        "loss": ["categorical_crossentropy", "categorical_hinge"],
        "activation": ["relu", "tanh"],
        "learning_rate": {"low": 0.029, "high": 0.031, "log": True},  # else it would decide, and not the choices
        "momentum": {"low": 0.0, "high": 0.9, "when": {"optimizer": ["sgd"]}},
        "label_smoothing": [0.0, 0.1],
        "l2": {"choices": [0.0, 1e-4, 1e-3], "when": {"activation": ["relu"]}},
        "l1": {
            "low": 1e-6,
            "high": 1e-3,
            "log": True,
            "when": {"activation": ["tanh", "relu"], "model": {"layers": [3]}},
        },
        "optimizer_options": {"sgd": {"nesterov": [True, False]}, "adam": {"beta_2": {"low": 0.9, "high": 0.999}}},
        "model": {"units": [[8, 8], [16], 4], "layers": {"choices": [1, 3], "when": {"model": {"units": [4]}}}},
    },
    "budget": {"trials": 150, "epochs": 2},
    "sampler": {"name": "random"},
    "pruner": {"name": "none"},
}


def test_what_depends_on_a_choice_that_is_gone_goes_too(tmp_path):
    database = open_database(url_of(tmp_path), create=True)
    mock_study.run(read_study_dict(CONDITIONS, tmp_path), database)
    study = read_study_results(database, "conditions")
    refined = refine(study, tmp_path / "fine.toml", tmp_path, 0.05)
    search = tomllib.loads(refined.text)["search"]
    assert search["optimizer"] == "adam"  # the mock trainer's best
    assert search["activation"] == "tanh"
    assert set(search["optimizer_options"]) == {"adam"}
    assert "momentum" not in search
    assert "l2" not in search
    gone = {change.name for change in refined.changes if change.after is None}
    assert gone == {"optimizer.sgd.nesterov", "momentum", "l2"}


@pytest.mark.parametrize("file", sorted((PROJECT / "studies").glob("*.toml")), ids=lambda file: file.stem)
def test_every_study_that_ships_can_be_refined(file, shipped_project, tmp_path):
    overrides = {"trials": 50, "epochs": 2}
    database = open_database(url_of(tmp_path), create=True)
    spec = read_study(shipped_project / "studies" / file.name, overrides=overrides)
    mock_study.run(spec, database)
    output = shipped_project / f"{spec.name}_fine.toml"
    refined = refine(read_study_results(database, spec.name), output, shipped_project)
    assert read_study_dict(tomllib.loads(refined.text), shipped_project).name == f"{spec.name}_fine"
    assert {change.name for change in refined.changes} >= {dimension.name for dimension in spec.space.searched}
    assert refined.volume <= 0.5 or refined.not_halved
    assert refined.points >= 1


def test_every_other_section_stays_as_it_is(tmp_path):
    sections = {
        "health": {"stop": ["diverged", "exploding"]},
        "limits": {"weights": 10**6},
        "notify": {"command": "ls"},
    }
    study = mock_results(tmp_path, **sections, budget={"trials": 20, "epochs": 1})
    content = tomllib.loads(refine(study, tmp_path / "fine.toml", tmp_path).text)
    assert {name: content[name] for name in sections} == sections


def test_few_trials_are_refused(tmp_path):
    study = mock_results(tmp_path, budget={"trials": MIN_TRIALS - 1, "epochs": 1})
    with pytest.raises(NoBestTrialError, match=f"needs {MIN_TRIALS} complete trials"):
        refine(study, tmp_path / "fine.toml", tmp_path)


def test_where_all_agree_nothing_is_left_to_search(tmp_path):
    search = {"optimizer": ["adagrad", "adam"], "learning_rate": 0.01}
    mock_results(tmp_path, search=search, budget={"trials": 2, "epochs": 2})
    plain = optuna.load_study(study_name="mock", storage=url_of(tmp_path))
    for optimizer in ["adagrad", "adam"] * 14:  # a person may ask for a setting again
        plain.enqueue_trial({"optimizer": optimizer})
    study = mock_results(tmp_path, search=search, budget={"trials": 30, "epochs": 2})
    with pytest.raises(UsageError, match="agree in every dimension"):
        refine(study, tmp_path / "fine.toml", tmp_path)


def test_a_place_from_which_the_model_is_not_found_is_refused(tmp_path):
    (tmp_path / "models").mkdir()
    own = tmp_path / "models" / "own.py"
    own.write_text((PROJECT / "models" / "mlp.py").read_text(encoding="utf-8"), encoding="utf-8")
    study = mock_results(tmp_path, model="models/own.py", budget={"trials": 30, "epochs": 1})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert refine(study, tmp_path / "studies" / "fine.toml", tmp_path).text
    with pytest.raises(StudyFileError, match=r"models/own\.py"):
        refine(study, elsewhere / "fine.toml", tmp_path)


def test_another_space_is_refused(study, tmp_path, monkeypatch):
    monkeypatch.setitem(study.record.attrs.fingerprint, "search.learning_rate", "0.1 … 0.2")
    with pytest.raises(UsageError, match=r"drawn from a different space .* search\.learning_rate: 0\.1 … 0\.2 before"):
        refine(study, tmp_path / "fine.toml", tmp_path)


def test_a_study_of_an_older_version_is_refined_with_the_new_names(tmp_path):
    study = mock_results(tmp_path)
    plain = optuna.load_study(study_name="mock", storage=url_of(tmp_path))
    about = plain.user_attrs["tuner:about"]
    about["source"] |= {"sampler": {"starts": False, "startup": 5}, "pruner": {"name": "median", "warmup": 2}}
    plain.set_user_attr("tuner:about", about)
    refined = refine(read_study_results(study.database, "mock"), tmp_path / "fine.toml", tmp_path)
    content = tomllib.loads(refined.text)
    assert content["sampler"].pop("initial_points")
    assert content["sampler"] == {"n_startup_trials": 5}
    assert content["pruner"] == {"name": "median", "n_warmup_steps": 2}

"""The best recipes of older studies come first."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import optuna
import pytest
from click.testing import CliRunner
from mock_study import run, spec_of
from mock_trainer import trainer

from tuner.cli.group import tuner as command
from tuner.errors import StudyFileError, UsageError
from tuner.executors import InlineExecutor
from tuner.report import report_page
from tuner.results import read_study_results, summary
from tuner.runner import launch, older_points, trial_proposals
from tuner.storage import OLDER_POINTS, STUDY_INFO, Database, open_database, study_names
from tuner.study import StudySpec

NARROW = {
    "optimizer": ["adam", "rmsprop"],
    "learning_rate": {"low": 0.1, "high": 1.0, "log": True},
    "momentum": {"low": 0.0, "high": 0.99},
    "activation": ["relu", "tanh"],
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the study "coarse", to be copied."""
    folder = tmp_path_factory.mktemp("template")
    database = open_database(f"sqlite:///{folder}/t.db", create=True)
    run(spec_of(folder, name="coarse", budget={"trials": 20, "epochs": 1}), database)
    database.close()
    return folder / "t.db"


@pytest.fixture
def database(template: Path, tmp_path: Path) -> Database:
    return open_database(f"sqlite:///{shutil.copy(template, tmp_path / 't.db')}", create=False)


def new(folder: Path, older: list[str], **sections: Any) -> Any:
    options = {"from": older, "initial_points": False}
    return spec_of(folder, **{"name": "new", "search": NARROW, "sampler": options, **sections})


def restarted(spec: StudySpec, database: Database, restart: bool = True) -> None:
    launch.start(spec, database.url, show=lambda progress: None, restart=restart)


def test_the_best_settings_are_projected_and_distinct(database: Database, tmp_path: Path) -> None:
    points = older_points(new(tmp_path, ["coarse"]), database.url)
    assert [point.study for point in points] == ["coarse"] * 5
    trials = read_study_results(database, "coarse").record.trials
    best = sorted(trials, key=lambda trial: -float(trial.value or 0.0))
    assert points[0].trial == best[0].number
    assert len({str(point.params) for point in points}) == 5
    for point in points:
        old = trials[point.trial].params
        if old["optimizer"] == "adam":
            assert point.params["learning_rate"] == min(max(old["learning_rate"], 0.1), 1.0)
            assert point.params["activation"] == old["activation"]
        else:
            assert not {"optimizer", "learning_rate", "momentum"} & set(point.params), "a rate is its optimizer's"
        assert "schedule" not in point.params


def test_a_run_begins_with_them_and_a_resumed_one_goes_on(database: Database, tmp_path: Path) -> None:
    spec = new(tmp_path, ["coarse"], budget={"trials": 3, "epochs": 1})
    points = [point.params for point in older_points(spec, database.url)]
    run(spec, database)
    optuna.delete_study(study_name="coarse", storage=database.url)
    run(new(tmp_path, ["coarse"], budget={"trials": 7, "epochs": 1}), database)
    trials = optuna.load_study(study_name="new", storage=database.url).trials
    given = [trial.system_attrs.get("fixed_params", {}) for trial in trials]
    assert given == [*points, {}, {}]
    for trial, point in zip(trials, points, strict=False):
        assert trial.params.items() >= point.items()
    content = summary(read_study_results(database, "new"))
    assert [point["params"] for point in content["older_points"]] == points
    shown = CliRunner().invoke(command, ["show", "new", "--storage", database.url]).output
    assert "First trials: 5 settings of coarse." in shown
    assert "5 coarse" in report_page(read_study_results(database, "new"))


def test_studies_are_taken_in_turn_and_a_file_and_a_database_name_one(database: Database, tmp_path: Path) -> None:
    other = open_database(f"sqlite:///{tmp_path}/old.db", create=True)
    run(spec_of(tmp_path, name="digits", seed=7, budget={"trials": 8, "epochs": 1}), other)
    (tmp_path / "wide.toml").write_text('name = "coarse"\n', encoding="utf-8")
    own = [{"optimizer": "rmsprop"}]
    spec = new(tmp_path, ["wide.toml", "old.db:digits"], sampler={"from": ["wide.toml", "old.db:digits"]})
    points = older_points(spec, database.url)
    assert [point.study for point in points[:2]] == ["wide.toml", "old.db:digits"]
    assert points[0].params == older_points(new(tmp_path, ["coarse"]), database.url)[0].params
    assert 5 < len(points) == len({str(point.params) for point in points}), "what both have comes once"
    options = {"from": ["old.db:digits"], "initial_points": own}
    run(new(tmp_path, [], sampler=options, budget={"trials": 2, "epochs": 1}), database)
    first, second = optuna.load_study(study_name="new", storage=database.url).trials
    assert first.params["optimizer"] == "rmsprop", "the user's own come before"
    alone = older_points(new(tmp_path, ["old.db:digits"]), database.url)
    assert second.system_attrs["fixed_params"] == alone[0].params


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("coarze", r"'coarze', which cannot be read.*Did you mean 'coarse'\?"),
        ("none.db:coarse", "none.db:coarse'.*no database"),
        ("t.db:fine", "There is no study 'fine'"),
        ("postgresql://me:secret@localhost:1/db:fine", r"\*\*\*"),
    ],
)
def test_what_does_not_exist_is_named(reference: str, text: str, database: Database, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=text) as caught:
        run(new(tmp_path, [reference]), database)
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "none.db").exists()


def test_no_page_and_no_table_holds_the_password_of_an_older_study(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = "postgresql://me:secret@localhost:1/db:fine"
    taken = older_points(new(tmp_path, ["coarse"]), database.url)
    monkeypatch.setattr(trial_proposals, "older_points", lambda spec, url: taken)
    run(new(tmp_path, [reference], budget={"trials": 1, "epochs": 1}), database)
    (study,) = [study for study in optuna.get_all_study_summaries(database.url) if study.study_name == "new"]
    assert "secret" not in str(study.user_attrs)
    begun = {**study.user_attrs[OLDER_POINTS], "older": [reference]}
    info = study.user_attrs[STUDY_INFO]
    info["source"]["sampler"]["from"] = [reference]
    stored = optuna.load_study(study_name="new", storage=database.url)
    stored.set_user_attr(OLDER_POINTS, begun)  # as older versions stored it
    stored.set_user_attr(STUDY_INFO, info)
    page = report_page(read_study_results(database, "new"))
    assert "secret" not in page
    assert "the best settings of postgresql://me:***@localhost:1/db:fine" in page
    monkeypatch.setattr(trial_proposals, "older_points", lambda spec, url: pytest.fail("what was taken is kept"))
    run(new(tmp_path, [reference], budget={"trials": 2, "epochs": 1}), database)


def test_the_report_says_in_words_how_a_study_begins(database: Database, tmp_path: Path) -> None:
    own = [{"optimizer": "rmsprop", "momentum": 0.5}, {"optimizer": "adam"}]
    spec = new(tmp_path, [], sampler={"from": ["coarse"], "initial_points": own}, budget={"trials": 1, "epochs": 1})
    run(spec, database)
    page = report_page(read_study_results(database, "new"))
    assert "2 settings of the study file, then the best settings of coarse" in page
    assert "sampler tpe, pruner" in page


def test_a_study_without_complete_trials_is_refused(database: Database, tmp_path: Path) -> None:
    optuna.create_study(study_name="empty", storage=database.url)
    with pytest.raises(UsageError, match="'empty', which has no complete trial yet"):
        older_points(new(tmp_path, ["empty"]), database.url)


@pytest.mark.parametrize(
    ("name", "older"), [("night", "night.1"), ("night", "empty"), ("coarse", "coarse.2"), ("coarse", "own.toml")]
)
def test_a_study_that_cannot_begin_is_neither_made_nor_set_aside(
    name: str, older: str, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "LocalExecutor", lambda *_, **__: InlineExecutor(trainer))
    optuna.create_study(study_name="empty", storage=database.url)
    (tmp_path / "own.toml").write_text(f'name = "{name}"\n', encoding="utf-8")
    for restart in (True, name == "coarse"):
        with pytest.raises(UsageError, match=f"from names '{older}', which"):
            restarted(new(tmp_path, [older], name=name), database, restart)
        assert study_names(database) == ["coarse", "empty"]


@pytest.mark.parametrize(
    "older",
    ["coarse.1", "t.db:coarse.1", "sub/../t.db:coarse.1", "sqlite:///t.db:coarse.1", "sqlite:///./t.db:coarse.1"],
)
def test_a_study_begins_with_the_one_that_it_sets_aside(
    older: str, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However its database is written."""
    monkeypatch.setattr(launch, "LocalExecutor", lambda *_, **__: InlineExecutor(trainer))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    restarted(new(tmp_path, [older], name="coarse", budget={"trials": 1, "epochs": 1}), database)
    assert study_names(database) == ["coarse", "coarse.1"]
    assert len(summary(read_study_results(database, "coarse"))["older_points"]) == 5


@pytest.mark.parametrize("older", [[], "coarse", [1], [""], ["a"] * 21])
def test_other_forms_are_refused(older: Any, tmp_path: Path) -> None:
    with pytest.raises(StudyFileError, match="must be a list of 1 to 20 studies"):
        new(tmp_path, older)


def test_a_study_does_not_begin_with_itself(tmp_path: Path) -> None:
    with pytest.raises(StudyFileError, match="a study cannot begin with its own settings"):
        new(tmp_path, ["new"])

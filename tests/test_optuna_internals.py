"""Private names of Optuna: imported in one module, and there in the installed version."""

from __future__ import annotations

import ast
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from structure import Module, modules

from tuner import optuna_internals

OBJECTS = ("trial", "study", "frozen", "backend", "hyperband")
"""Variables that hold an object of Optuna, as this package names them."""
ATTRIBUTES = {
    "_trial_id": lambda: optuna.create_study().ask(),
    "_study_id": optuna.create_study,
    "_storage": optuna.create_study,
    "_thread_local": optuna.create_study,
    "_get_trials": optuna.create_study,
    "_build_frozen_trial_from_trial_model": lambda: optuna.storages.RDBStorage,
    "_get_trial": optuna.storages.InMemoryStorage,
    "_lock": optuna.storages.InMemoryStorage,
    "_prev_waiting_trial_number": optuna.storages.InMemoryStorage,
    "_set_trial": optuna.storages.InMemoryStorage,
    "_studies": optuna.storages.InMemoryStorage,
    "_update_cache": optuna.storages.InMemoryStorage,
    "_try_initialization": lambda: optuna.pruners.HyperbandPruner,
    "_pruners": optuna.pruners.HyperbandPruner,
    "_get_bracket_id": optuna.pruners.HyperbandPruner,
    "_cma_rng": optuna.samplers.CmaEsSampler,
    "_init_optimizer": optuna.samplers.CmaEsSampler,
    "_n_startup_trials": optuna.samplers.TPESampler,
    "_random_sampler": optuna.samplers.TPESampler,
}
"""Private attribute that this package uses, and what makes an object of Optuna that has it."""


def private_imports(module: Module) -> Iterator[str]:
    """Each import of a private module or name of Optuna."""
    for node in module.nodes:
        match node:
            case ast.ImportFrom(module=str(source), names=names):
                found = [f"{source}.{name.name}" for name in names]
            case ast.Import(names=names):
                found = [name.name for name in names]
            case _:
                continue
        for name in found:
            if name.startswith("optuna.") and "._" in name:
                yield f"{module.path.name}:{node.lineno} {name}"


def private_attributes(module: Module) -> Iterator[tuple[str, str]]:
    """Each private attribute that is read of an object of Optuna, with its place."""
    for node in module.nodes:
        match node:
            case ast.Attribute(value=ast.Name(id=name) | ast.Attribute(attr=name), attr=attribute):
                if name in OBJECTS and attribute.startswith("_"):
                    yield attribute, f"{module.path.name}:{node.lineno}"


def test_one_module_imports_private_names() -> None:
    found = {module.name: list(private_imports(module)) for module in modules()}
    assert found.pop("optuna_internals.private_names")
    assert [place for places in found.values() for place in places] == []


def test_private_attributes_are_listed() -> None:
    found = dict(pair for module in modules() for pair in private_attributes(module))
    assert found
    assert {name: place for name, place in found.items() if name not in ATTRIBUTES} == {}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name", ATTRIBUTES)
def test_the_installed_version_has_each_attribute(name: str) -> None:
    assert hasattr(ATTRIBUTES[name](), name)


def test_the_installed_version_has_the_columns_that_are_written() -> None:
    columns = {
        "StudyModel": {"study_id", "study_name"},
        "StudyUserAttributeModel": {"study_id", "key", "value_json"},
        "StudySystemAttributeModel": {"study_id", "key", "value_json"},
        "TrialModel": {"trial_id", "study_id", "number", "state", "_datetime_start_utc", "_datetime_complete_utc"},
        "TrialParamModel": {"trial_id", "param_name", "param_value", "distribution_json"},
        "TrialUserAttributeModel": {"trial_id", "key", "value_json"},
        "TrialSystemAttributeModel": {"trial_id", "key", "value_json"},
        "TrialValueModel": {"trial_id", "objective", "value", "value_type"},
        "TrialIntermediateValueModel": {"trial_id", "step", "intermediate_value", "intermediate_value_type"},
    }
    assert {name for name in optuna_internals.__all__ if name.endswith("Model")} == {"BaseModel", *columns}
    for name, expected in columns.items():
        mapper = getattr(optuna_internals, name).__mapper__
        assert expected <= set(mapper.attrs.keys()), name


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_the_installed_version_writes_the_system_attributes() -> None:
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1)
    study = optuna.create_study(pruner=pruner)
    study.set_metric_names(["accuracy"])
    assert optuna_internals.METRIC_NAMES in study._storage.get_study_system_attrs(study._study_id)
    study.enqueue_trial({"x": 0.5})
    assert optuna_internals.fixed_params(study.trials[0]) == {"x": 0.5}
    trial = study.ask()
    trial.set_constraint("finite", 1.0)
    trial.report(1.0, 1)
    trial.should_prune()
    for prefix in (optuna_internals.CONSTRAINT_PREFIX, optuna_internals.RUNG_PREFIX):
        assert [name for name in study.trials[0].system_attrs if name.startswith(prefix)]


def test_one_module_has_the_system_attributes() -> None:
    keys = ("FIXED_PARAMS", "CONSTRAINT_PREFIX", "RUNG_PREFIX", "METRIC_NAMES")
    literals = {getattr(optuna_internals, key) for key in keys}
    found = {
        module.name
        for module in modules()
        for node in module.nodes
        if isinstance(node, ast.Constant) and node.value in literals
    }
    assert {name for name in found if not name.startswith("optuna_internals.")} == set()


def test_existing_tables_are_opened_without_a_migration_tool(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    made = optuna.storages.RDBStorage(url)
    assert made.get_head_version() == made.get_current_version() == optuna_internals.REVISION
    study = optuna.create_study(storage=made)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    opened = optuna_internals.open_storage(url, {}, create=False)
    assert vars(opened).keys() >= vars(made).keys() - {"_version_manager"}
    (found,) = opened.get_all_studies()
    assert [trial.value for trial in opened.get_all_trials(found._study_id)] == [trial.value for trial in study.trials]
    with opened.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'v9.9.9'")
    with pytest.raises(RuntimeError, match="no longer compatible with the table schema"):
        optuna_internals.open_storage(url, {}, create=False)
    made.engine.dispose()
    opened.engine.dispose()


def rows(url: str) -> dict[str, list[tuple[object, ...]]]:
    """The statements that made the tables and indices of a SQLite database, and the rows of each table."""
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        made = connection.execute("SELECT name, type, sql FROM sqlite_master ORDER BY name").fetchall()
        tables = [name for name, kind, _ in made if kind == "table"]
        return {"": made} | {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables}


def test_new_tables_are_those_that_optuna_makes(tmp_path: Path) -> None:
    by_optuna, ours = f"sqlite:///{tmp_path}/optuna.db", f"sqlite:///{tmp_path}/ours.db"
    optuna.storages.RDBStorage(by_optuna).engine.dispose()
    optuna_internals.open_storage(ours, {}, create=True).engine.dispose()
    assert rows(ours) == rows(by_optuna)
    assert rows(ours)["alembic_version"] == [(optuna_internals.REVISION,)]


@pytest.mark.parametrize("half_made", ["studies", "version_info"])
def test_missing_tables_are_added_to_those_of_another_process(tmp_path: Path, half_made: str) -> None:
    by_optuna, ours = f"sqlite:///{tmp_path}/optuna.db", f"sqlite:///{tmp_path}/ours.db"
    optuna.storages.RDBStorage(by_optuna).engine.dispose()
    with sqlite3.connect(f"{tmp_path}/ours.db") as connection:
        statement = next(sql for name, _, sql in rows(by_optuna)[""] if name == half_made)
        connection.execute(str(statement))
    optuna_internals.open_storage(ours, {}, create=True).engine.dispose()
    assert rows(ours).keys() == rows(by_optuna).keys()
    assert rows(ours)["alembic_version"] == [(optuna_internals.REVISION,)]


def test_a_table_that_was_dropped_is_created_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    optuna_internals.open_storage(url, {}, create=True).engine.dispose()
    before = rows(url)
    with sqlite3.connect(f"{tmp_path}/t.db") as connection:
        connection.execute("DROP TABLE trial_heartbeats")
    optuna_internals.open_storage(url, {}, create=False).engine.dispose()
    assert "trial_heartbeats" not in rows(url)
    optuna_internals.open_storage(url, {}, create=True).engine.dispose()
    assert rows(url) == before


def test_a_newer_optuna_creates_its_own_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, package = f"sqlite:///{tmp_path}/t.db", tmp_path / "optuna"
    versions = package / "storages/_rdb/alembic/versions"
    shutil.copytree(Path(optuna.__file__).parent / "storages/_rdb/alembic/versions", versions)
    (versions / "v9.0.0.a.py").write_text(f'revision = "v9.0.0.a"\ndown_revision = "{optuna_internals.REVISION}"\n')
    with monkeypatch.context() as patch:
        patch.setattr(optuna, "__file__", str(package / "__init__.py"))
        storage = optuna_internals.open_storage(url, {}, create=True)
    assert storage.get_head_version() == optuna_internals.REVISION, "by its constructor: it knows its migrations"
    storage.engine.dispose()

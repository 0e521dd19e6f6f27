"""What every test shares."""

from __future__ import annotations

import functools
import gc
import os
import shutil
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

os.environ.pop("COLUMNS", None)  # set in the processes of pytest-xdist, and commands print as wide as it says

# Tests and the package are compiled once, and not by each process that a test starts, whatever the environment says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Properties are tried with the same examples each time, unless more are asked for (see `study/generated.py`); a machine
# may be busy, so none is too slow.
settings.register_profile(
    "suite",
    derandomize="TUNER_EXAMPLES" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("suite")

sys.path.insert(0, str(Path(__file__).parent))  # what tests share with each other: `import mock_study`

import durations  # noqa: E402
from postgres import PostgresServer  # noqa: E402
from postgres import missing as postgres_missing  # noqa: E402

from tuner.results import StoredStudy  # noqa: E402


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server; where there can be none the test is skipped, but not in continuous integration."""
    reason = postgres_missing()
    if reason is not None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    server = PostgresServer()
    try:
        yield server
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, of each kind that is supported."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/t.db"
    return request.getfixturevalue("postgres").new_database()


@pytest.fixture(scope="session", autouse=True)
def revisions_loaded_once() -> Iterator[None]:
    """Optuna's revisions of its tables, executed once in a process: 45 ms, and three times for a new database."""
    from alembic import util

    load, kept = util.load_python_file, functools.cache(util.load_python_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(util, "load_python_file", lambda *of: (load if of[1] == "env.py" else kept)(*of))
        yield


@pytest.fixture(scope="session", autouse=True)
def built_in_data_examined_once() -> Iterator[None]:
    """The files of a built-in set, and the advice on a split of it, once in a process: 20 ms and 50 ms for digits."""
    from tuner.data import DataOptions, preparation
    from tuner.data.sources import BUILT_IN, builtin

    read, advise = functools.cache(builtin._read_numbers), preparation._advice
    kept: dict[tuple[object, ...], tuple[str, ...]] = {}

    def advised(rows: Any, fitted: Any, options: DataOptions) -> tuple[str, ...]:
        if options.source not in BUILT_IN:
            return advise(rows, fitted, options)
        parts = [part.tobytes() for split in rows.layout.splits for part in split]
        key = (rows.sha256, options.model_dump_json(), *parts)
        if key not in kept:
            kept[key] = advise(rows, fitted, options)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builtin, "_read_numbers", lambda *file: read(*file).copy())
        patch.setattr(preparation, "_advice", advised)
        yield


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> StoredStudy:
    """60 random trials of the mock study; those with a learning rate above 1 diverged."""
    from mock_results import mock_results

    return mock_results(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="session")
def shipped_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with all studies and the saved model that one of them goes on with, which reading only hashes."""
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(Path(__file__).parents[1] / "studies", project / "studies")
    (project / "digits_body.keras").write_bytes(b"what tuner train saves")
    return project


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave what is loaded to no garbage collection: half a million objects, and engines collect for each training."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(2000, 10, 50)  # seldom all objects: that took two thirds of the time of collections
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup() -> None:
    _forget_current_test()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call() -> None:
    _forget_current_test()


def _forget_current_test() -> None:
    """Leave the environment as it was for the test before: workers are forked from a process with an equal one."""
    os.environ.pop("PYTEST_CURRENT_TEST", None)


def pytest_xdist_auto_num_workers() -> int:
    """Return twice as many processes as there are cores: many tests wait for processes that they have started."""
    return min(2 * len(os.sched_getaffinity(0)), 8)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--keep-durations", action="store_true", help="write tests/durations.json, on an idle machine")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--keep-durations") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(durations.DurationKeeper())


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    kept = durations.load()
    durations.mark_slow(items, kept)  # before `-m` selects
    yield
    durations.order_files(items, kept)  # of what is left

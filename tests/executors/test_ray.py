"""Workers on Ray: real clusters in a network of their own, and events without a cluster."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import queue
import shutil
import socket
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mock_ray
import pytest
from real_study import PATIENCE_S, STUDY, environment, write_study

from tuner.errors import UsageError, WorkerError
from tuner.executors import RayExecutor
from tuner.executors.ray import actor_workers, cluster, cluster_connection
from tuner.executors.ray.actor import RayWorker
from tuner.executors.ray.project_archive import digest, pack
from tuner.protocol import Job, LimitExceeded, Limits, WorkerConfig, WorkerDied
from tuner.runner.launch import EXECUTORS
from tuner.study import read_study_dict

PLACE = WorkerConfig(Path("/project"), "auto", {}, "", (4,), 0)


@pytest.fixture(scope="session")
def _cluster() -> None:
    """Ray can run; where it cannot the test is skipped, but in continuous integration Ray must be installed."""
    reason = mock_ray.missing()
    if reason is not None:
        (pytest.fail if os.environ.get("CI") == "true" and "installed" in reason else pytest.skip)(reason)


def call(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a network of its own, with a home of its own: Ray keeps a token there."""
    mine = environment(HOME=str(cwd / "home"), PYTHONPATH=os.pathsep.join(filter(None, sys.path)), **variables)
    mine.pop("RAY_ADDRESS", None)
    command = [*mock_ray.WITHOUT_NETWORK, sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, env=mine, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


@pytest.mark.slow
@pytest.mark.usefixtures("_cluster")
def test_a_killed_node_loses_no_trial_and_a_new_one_gets_work(tmp_path: Path) -> None:
    done = call(mock_ray.__file__, "30", "0.2", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["ended"] == "trials"
    assert found["counts"]["complete"] + found["counts"]["pruned"] == len(found["trials"]) == 30
    assert found["counts"]["pruned"] > 0  # pruner and workers have talked
    assert len(found["lost"]) == 2  # those of the killed node, once each
    assert set(found["lost"]) <= {trial["number"] for trial in found["trials"]}
    assert found["busy"] == [3, 3]
    for trial in found["trials"]:  # a trial that began again has one curve
        assert trial["epochs"] == 5 or trial["state"] == "pruned"
    with sqlite3.connect(tmp_path / "tuner.db") as database:
        twice = (
            "SELECT count(*) FROM (SELECT 1 FROM trial_intermediate_values GROUP BY trial_id, step HAVING count(*) > 1)"
        )
        assert database.execute(twice).fetchone() == (0,)


@pytest.mark.slow
@pytest.mark.usefixtures("_cluster")
def test_it_behaves_as_other_executors_do(tmp_path: Path) -> None:
    """The suite that a Ray in threads passes on each run, on a real one."""
    suite = Path(__file__).with_name("conformance")
    some = "ray and (its_end or decision or cancelled or resumes or dies)"
    options = ("-v", "-n", "0", "-k", some, "--rootdir", str(suite.parents[2]), "-p", "no:cacheprovider")
    done = call("-m", "pytest", *options, str(suite), cwd=tmp_path, TUNER_TEST_REAL_RAY="1", TMPDIR="/tmp")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "5 passed" in done.stdout


WATCHFUL = """
import os
import sys
from pathlib import Path

import keras


def build(inputs, outputs, *, activation, initializer, units=4):
    copy = Path.cwd()
    assert copy.parent.stat().st_mode & 0o077 == 0, "others can enter"
    assert not (copy / ".env").exists()
    assert sys.path[-1] == str(copy), "last: a file of the project must not hide a library"
    assert "PROJECT" not in sys.path
    session = Path(os.environ["RAY_AUTH_TOKEN_PATH"]).parent
    assert session.stat().st_mode & 0o077 == 0
    assert (session / "token").stat().st_mode & 0o177 == 0
    assert (session / "ray" / "session_latest").is_dir()
    return keras.Sequential([keras.Input(inputs), keras.layers.Dense(units, activation), keras.layers.Dense(outputs)])
"""


@pytest.mark.slow
@pytest.mark.usefixtures("_cluster")
def test_a_study_trains_on_a_ray_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else can change, or read, what the workers run; and nothing of it stays."""
    write_study(tmp_path, STUDY.replace("models/mlp.py", "watchful.py"))
    (tmp_path / "watchful.py").write_text(WATCHFUL.replace("PROJECT", str(tmp_path)))
    (tmp_path / ".env").write_text("PASSWORD=secret")
    temporary = Path(tempfile.mkdtemp(prefix="t", dir="/tmp"))  # short: Ray has sockets below it
    monkeypatch.setenv("TMPDIR", str(temporary))
    arguments = ("run", "tiny.toml", "--executor", "ray", "--workers", "1", "--trials", "2", "--json")
    done = call("-m", "tuner", *arguments, cwd=tmp_path)
    left = list(temporary.glob("tuner-*"))
    shutil.rmtree(temporary)
    assert done.returncode == 0, done.stderr[-3000:]
    assert left == []
    assert not (tmp_path / "home" / ".ray").exists(), "Ray would keep its token where others can read it"
    assert json.loads(done.stdout)["counts"]["complete"] == 2
    assert "raylet" not in done.stderr
    assert "WARNING" not in done.stderr


class _Ray:
    """As much of Ray as a coordinator sees: calls are numbers, and each has an answer or an error."""

    exceptions = SimpleNamespace(RayError=ConnectionError)
    job_config = SimpleNamespace(JobConfig=SimpleNamespace)

    class _Method:
        def __init__(self, calls: list[Any], name: str) -> None:
            self._calls, self._name = calls, name

        def remote(self, *arguments: Any) -> int:
            self._calls.append((self._name, *arguments))
            return len(self._calls) - 1

    class _Handle:
        def __init__(self, calls: list[Any]) -> None:
            self.take, self.put = _Ray._Method(calls, "take"), _Ray._Method(calls, "put")
            self.leave = _Ray._Method(calls, "leave")

    def __init__(self, *nodes: dict[str, float]) -> None:
        self.resources, self.calls, self.answers = list(nodes), list[Any](), dict[int, Any]()
        self.killed: list[Any] = []
        self.address = ""

    def put(self, content: bytes) -> bytes:
        return content

    def get_runtime_context(self) -> SimpleNamespace:
        return SimpleNamespace(gcs_address=self.address)

    def is_initialized(self) -> bool:
        return False

    def init(self, **options: Any) -> None:
        self.options = options

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": resources} for resources in self.resources]

    def remote(self, kind: type) -> _Ray:
        return _Starter(self)  # type: ignore[return-value]

    def kill(self, handle: Any, *, no_restart: bool) -> None:
        self.killed.append(handle)

    def wait(self, calls: list[int], *, num_returns: int, timeout: float) -> tuple[list[int], list[int]]:
        ended = [call for call in calls if call in self.answers or self.calls[call][0] == "put"]
        return ended[:num_returns], []

    def get(self, call: int) -> Any:
        answer = self.answers.get(call, [])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def say(self, answer: Any) -> None:
        """Answer the last `take`."""
        self.answers[max(number for number, call in enumerate(self.calls) if call[0] == "take")] = answer


class _Starter:
    def __init__(self, ray: _Ray) -> None:
        self._ray = ray

    def options(self, **options: Any) -> _Starter:
        return self

    def remote(self, *arguments: Any) -> Any:
        return _Ray._Handle(self._ray.calls)


def started(monkeypatch: pytest.MonkeyPatch, ray: _Ray, **options: Any) -> RayExecutor:
    monkeypatch.setattr(actor_workers, "import_ray", lambda: ray)
    monkeypatch.setattr(
        cluster_connection, "RaySession", lambda ray: SimpleNamespace(temp_dir="/private", close=lambda: None)
    )
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    executor = RayExecutor(dataclasses.replace(PLACE, limits=options.pop("limits", Limits())), **options)
    executor.start()
    return executor


def test_only_a_worker_that_is_ready_takes_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = _Ray({"CPU": 1.0})
    executor = started(monkeypatch, ray)
    assert executor.free_slots() == 0
    ray.say([{"is": "ready"}])
    assert executor.poll(0.0) == []
    assert executor.free_slots() == 1
    executor.submit(Job(7, {}))
    assert executor.free_slots() == 0
    assert ray.calls[-1][0] == "put"
    assert ray.calls[-1][1]["number"] == 7


def test_a_trial_that_takes_too_much_memory_is_bad_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray ends an actor where its node has no memory left: it may have been another one that took it."""

    class OutOfMemoryError(ConnectionError):
        """As Ray calls it."""

    ray = _Ray({"CPU": 1.0})
    executor = started(monkeypatch, ray)
    found = []
    raised = {"is": "raised", "number": 8, "error": "MemoryError", "traceback": "", "memory": True}
    for number, said in [(7, OutOfMemoryError("low")), (7, OutOfMemoryError("low")), (8, [raised])]:
        ray.say([{"is": "ready"}])
        executor.poll(0.0)
        executor.submit(Job(number, {}))
        ray.say(said)
        found += executor.poll(0.0)
    assert [(type(event), event.number) for event in found] == [(WorkerDied, 7), (LimitExceeded, 7), (LimitExceeded, 8)]
    assert len(ray.killed) == 3


def test_workers_that_never_get_ready_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = _Ray({"CPU": 1.0})
    executor = started(monkeypatch, ray)
    for _ in range(2):
        ray.say(_Ray.exceptions.RayError("No module named 'tuner'"))
        assert executor.poll(0.0) == []
    ray.say(_Ray.exceptions.RayError("No module named 'tuner'"))
    with pytest.raises(
        WorkerError, match="(?s)3 workers in a row .*No module named 'tuner'.*Every node needs this package"
    ):
        executor.poll(0.0)


def test_a_worker_that_fits_on_no_node_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WorkerError, match="1 CPUs, 2 GPUs.*1 node, the largest with 8 CPUs and 1 GPUs"):
        started(monkeypatch, _Ray({"CPU": 8.0, "GPU": 1.0}), gpus=2.0)


@pytest.mark.parametrize(
    ("resources", "cpus", "gpus", "expected"),
    [
        ({"CPU": 8.0}, 1.0, 0.0, 8),
        ({"CPU": 8.0}, 1.0, 0.5, 0),
        ({"CPU": 8.0, "GPU": 2.0}, 1.0, 0.5, 4),
        ({"CPU": 3.0, "GPU": 2.0}, 2.0, 0.5, 1),
        ({"CPU": 1.0}, 0.1, 0.0, 10),
        ({}, 1.0, 0.0, 0),
    ],
)
def test_a_node_has_room_for_whole_workers(
    resources: dict[str, float], cpus: float, gpus: float, expected: int
) -> None:
    assert cluster.workers_per_node(resources, cpus, gpus) == expected


def test_the_nodes_get_the_environment_but_no_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    variables = cluster_connection.worker_variables(PLACE, 2.0, 0.5)
    assert (variables["OMP_NUM_THREADS"], variables["TF_NUM_INTRAOP_THREADS"]) == ("5", "2")
    assert variables["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert "CUDA_VISIBLE_DEVICES" not in variables
    assert not {"PYTHONPATH", "PATH"} & set(variables)
    assert cluster_connection.worker_variables(PLACE, 2.0, 0.0)["CUDA_VISIBLE_DEVICES"] == "-1"


def test_ray_keeps_no_copy_of_the_project_and_looks_for_modules_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in Ray's session folder can be replaced by any user of the node."""
    ray = _Ray({"CPU": 1.0})
    started(monkeypatch, ray)
    assert set(ray.options["runtime_env"]) == {"env_vars"}
    assert ray.options["_temp_dir"] == "/private"
    paths = ray.options["job_config"]._py_driver_sys_path
    paths.extend(["/folder/of/the/coordinator"])
    assert paths == []


def test_an_address_where_nothing_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WorkerError, match="Ray at 127.0.0.1:1 cannot be reached.*ray status.*RAY_AUTH_TOKEN"):
        started(monkeypatch, _Ray({"CPU": 1.0}), address="127.0.0.1:1")


def test_a_head_that_is_lost_ends_the_run_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Left to itself, Ray would end the whole process after a minute."""
    monkeypatch.setattr(cluster, "HEAD_TIMEOUT_S", 0.0)
    ray = _Ray({"CPU": 1.0})
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        ray.address = address
        executor = started(monkeypatch, ray, address=address)
    ray.say(_Ray.exceptions.RayError("the node is gone"))
    with pytest.raises(WorkerError, match=rf"head node .* {address} has not answered.*run the same command"):
        executor.poll(0.0)
    executor.close(at_once=True)
    assert ray.killed == [], "without a head Ray would wait for it"


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(WorkerError, match=r"pip install '\.\[ray\]' in the checkout"):
        RayExecutor(PLACE).start()


def worker_says(project: Path, sha256: str, archive: bytes, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """All that a worker says of an archive, if it ends when it is ready; its copy lies in `project`."""
    monkeypatch.setattr(tempfile, "tempdir", str(project))
    monkeypatch.chdir(project)

    def loop(inbox: queue.SimpleQueue[dict[str, Any]], send: Any) -> None:
        copy = Path(inbox.get()["config"]["project"])
        send({"is": "heard", "copy": copy, "mode": copy.parent.stat().st_mode & 0o777, "here": Path.cwd()})
        raise SystemExit(3)

    worker = RayWorker({"project": "/of/the/coordinator"}, archive, sha256, loop)
    said = worker.take()
    while said[-1]["is"] != "broken":
        said += worker.take()
    assert said[0]["is"] == "broken" or (said[0]["copy"] / "model.py").read_text() == "1"
    worker.leave()
    assert list(project.glob("tuner-*")) == []
    return said


def test_a_worker_works_in_a_private_folder_and_tells_of_its_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "model.py").write_text("1")
    archive = pack(tmp_path)
    heard, broken = worker_says(tmp_path, digest(archive), archive, monkeypatch)
    assert heard["copy"].parent.parent == tmp_path
    assert heard["mode"] == 0o700
    assert heard["here"] == heard["copy"]
    assert broken["is"] == "broken"


def test_what_a_study_names_is_sent_even_if_git_ignores_it(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("*")
    (tmp_path / "own.py").write_text(f"import helper\n{WATCHFUL}")
    for name in ("helper.py", "other.py", ".env"):
        (tmp_path / name).write_text("")
    (tmp_path / "rows.csv").write_text("x,y\n" + "".join(f"{row},{'ab'[row % 2]}\n" for row in range(60)))
    data = {"source": "rows.csv", "target": "y"}
    spec = read_study_dict({"name": "a", "model": "own.py", "data": data, "budget": {"trials": 1}}, tmp_path)
    executor = EXECUTORS["ray"](spec, None, True)
    with tarfile.open(fileobj=io.BytesIO(pack(tmp_path, executor._transport._named))) as tar:
        assert set(tar.getnames()) == {"own.py", "helper.py", "rows.csv"}


def test_a_worker_runs_nothing_of_another_copy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("1")
    sent = digest(pack(tmp_path))
    (tmp_path / "model.py").write_text("import os; os.system('id')")
    (broken,) = worker_says(tmp_path, sent, pack(tmp_path), monkeypatch)
    assert "must be the one that was sent" in broken["error"]


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [({}, {"address": "10.0.0.1:6379"}, "Add --executor ray"), ({"memory": "2GB"}, {"executor": "ray"}, "memory")],
)
def test_what_does_not_go_together(
    tmp_path: Path, changes: dict[str, Any], options: dict[str, Any], words: str
) -> None:
    import tuner

    content = {"name": "a", "model": "models/mlp.py", "data": {"source": "iris"}, "budget": {"trials": 1, **changes}}
    with pytest.raises(UsageError, match=words):
        tuner.run(content, storage=f"sqlite:///{tmp_path}/t.db", **options)

"""Worker processes: real ones with TensorFlow, and stand-ins that die in known ways."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from real_study import PATIENCE_S, environment, eventually

from tuner.engines import TrainingResult
from tuner.errors import WorkerError
from tuner.executors import LocalExecutor, worker_processes
from tuner.executors.worker_processes import PipeTransport
from tuner.protocol import (
    EpochFinished,
    Event,
    Job,
    JobFailed,
    JobFinished,
    LimitExceeded,
    WorkerConfig,
    WorkerDied,
    wire_format,
)
from tuner.storage.lease import process_start
from tuner.study import StudySpec, read_study_dict, resolve_recipe

MODEL = """
import os, sys
import keras

def build(inputs, outputs, *, activation, initializer, mode="quiet"):
    if mode == "loud":
        print("text on standard output")
        os.write(1, b'{"is": "ended"}\\n')
        print("warning", file=sys.stderr)
        assert sys.stdin.read() == ""
    if mode == "raises":
        raise ValueError("no such layer")
    if mode == "exits":
        sys.exit(3)
    rows = keras.Input(inputs)
    return keras.Model(rows, keras.layers.Dense(outputs, kernel_initializer=initializer)(rows))
"""


def line_of_success(number: int) -> str:
    """Return what a worker writes when a trial is complete."""
    event = JobFinished(number, TrainingResult("complete", 0.5), 1.0)
    return wire_format.encode(wire_format.event_message(event)).decode().strip()


def alive(pid: int) -> bool:
    return process_start(pid) is not None


def collect(executor: LocalExecutor, until: Callable[[Event], bool]) -> list[Event]:
    """Events up to the first that `until` holds for."""
    found: list[Event] = []
    deadline = time.monotonic() + PATIENCE_S
    while not any(until(event) for event in found):
        assert time.monotonic() < deadline, f"only {found} came"
        found += executor.poll(0.2)
    return found


def is_end(event: Event) -> bool:
    return not isinstance(event, EpochFinished)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "own.py").write_text(MODEL, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def spec(project: Path) -> StudySpec:
    search = {"learning_rate": {"low": 0.01, "high": 0.1}, "model": {"mode": ["quiet", "loud", "raises", "exits"]}}
    content = {"name": "own", "model": "own.py", "data": {"source": "iris"}, "search": search}
    return read_study_dict({**content, "budget": {"trials": 1, "epochs": 3}}, project)


def place_of(spec: StudySpec) -> WorkerConfig:
    facts = spec.facts
    return WorkerConfig(
        spec.project, "fit", spec.data.model_dump(mode="json"), facts.sha256, facts.input_shape, spec.seed
    )


def job(spec: StudySpec, number: int, mode: str = "quiet", *, epochs: int = 3, rungs: tuple[int, ...] = ()) -> Job:
    recipe = resolve_recipe(spec, {"learning_rate": 0.05, "model.mode": mode}, number).to_json()
    return Job(number, {**recipe, "epochs": epochs}, rungs)


@contextlib.contextmanager
def running(executor: LocalExecutor) -> Iterator[LocalExecutor]:
    executor.start()
    try:
        yield executor
    finally:
        executor.close(at_once=True)


@pytest.fixture(scope="module")
def executor(spec: StudySpec) -> Iterator[LocalExecutor]:
    """One worker with TensorFlow for all of them; each test leaves it free."""
    with running(LocalExecutor(place_of(spec), workers=1, prepared=spec.prepared)) as executor:
        for _ in range(10):  # Ctrl-C, while it still imports what it needs
            os.kill(executor.pids()[0], signal.SIGINT)
            time.sleep(0.05)
        yield executor


@pytest.mark.slow
def test_a_job_trains_and_its_events_come_in_order(executor: LocalExecutor, spec: StudySpec) -> None:
    (pid,) = executor.pids()
    assert executor.free_slots() == 1
    executor.submit(job(spec, 5))
    assert executor.free_slots() == 0
    *epochs, last = collect(executor, is_end)
    assert [(e.number, e.step, e.record.epoch, e.awaits_decision) for e in epochs if isinstance(e, EpochFinished)] == [
        (5, 1, 1, False), (5, 2, 2, False), (5, 3, 3, False),
    ]  # fmt: skip
    assert len(epochs) == 3
    assert isinstance(last, JobFinished)
    assert (last.number, last.training.state) == (5, "complete")
    assert last.training.value == epochs[-1].value  # type: ignore[union-attr]
    assert executor.free_slots() == 1
    assert executor.pids() == [pid], "Ctrl-C has ended the worker"


@pytest.mark.slow
def test_the_same_job_gives_the_same_numbers(executor: LocalExecutor, spec: StudySpec) -> None:
    curves = []
    for _ in range(2):
        executor.submit(job(spec, 1))
        events = collect(executor, is_end)
        curves.append([replace(e.record, seconds=0.0) for e in events if isinstance(e, EpochFinished)])
    assert curves[0] == curves[1]


@pytest.mark.slow
def test_what_a_model_prints_does_not_disturb(executor: LocalExecutor, spec: StudySpec) -> None:
    executor.submit(job(spec, 2, "loud"))
    events = collect(executor, is_end)
    assert [type(event) for event in events] == [EpochFinished] * 3 + [JobFinished]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "error", "line"),
    [
        ("raises", "ValueError: no such layer", 'raise ValueError("no such layer")'),
        ("exits", "SystemExit: 3", "sys.exit(3)"),
    ],
)
def test_user_code_that_raises(executor: LocalExecutor, spec: StudySpec, mode: str, error: str, line: str) -> None:
    pids = executor.pids()
    executor.submit(job(spec, 3, mode))
    (event,) = collect(executor, is_end)
    assert isinstance(event, JobFailed)
    assert (event.number, event.error) == (3, error)
    assert "own.py" in event.traceback
    assert line in event.traceback
    executor.submit(job(spec, 4))
    assert isinstance(collect(executor, is_end)[-1], JobFinished)
    assert executor.pids() == pids


@pytest.mark.slow
def test_an_answer_at_a_rung_prunes(executor: LocalExecutor, spec: StudySpec) -> None:
    executor.submit(job(spec, 6, epochs=50, rungs=(2, 4)))
    first = collect(executor, lambda event: isinstance(event, EpochFinished) and event.awaits_decision)
    assert [event.step for event in first if isinstance(event, EpochFinished)] == [1, 2]
    assert executor.poll(0.3) == [], "it waits"
    executor.resume_or_prune(99, False)  # of a trial that is not here
    executor.resume_or_prune(6, True)
    second = collect(executor, lambda event: isinstance(event, EpochFinished) and event.awaits_decision)
    executor.resume_or_prune(6, False)
    last = collect(executor, is_end)[-1]
    assert [event.step for event in second if isinstance(event, EpochFinished)] == [3, 4]
    assert isinstance(last, JobFinished)
    assert last.training.state == "pruned"


@pytest.mark.slow
def test_a_changed_model_file_is_an_error_of_the_trial(executor: LocalExecutor, spec: StudySpec) -> None:
    wanted = job(spec, 7)
    recipe = {**wanted.recipe, "model": {**wanted.recipe["model"], "sha256": "0" * 64}}
    executor.submit(replace(wanted, recipe=recipe))
    (event,) = collect(executor, is_end)
    assert isinstance(event, JobFailed)
    assert "own.py has changed since the study was started" in event.error


@pytest.mark.slow
def test_a_killed_worker_is_replaced(executor: LocalExecutor, spec: StudySpec) -> None:
    (pid,) = executor.pids()
    executor.submit(job(spec, 8, epochs=100_000))
    collect(executor, lambda event: isinstance(event, EpochFinished))
    os.kill(pid, signal.SIGKILL)
    lost = collect(executor, is_end)[-1]
    assert isinstance(lost, WorkerDied)
    assert lost.number == 8
    assert lost.reason.startswith("its worker process was ended by SIGKILL")
    (new,) = executor.pids()
    assert new != pid
    assert not alive(pid)
    executor.submit(job(spec, 9))
    assert isinstance(collect(executor, is_end)[-1], JobFinished)
    assert executor.pids() == [new]


@pytest.mark.slow
def test_a_worker_that_is_not_forked_trains_the_same(
    executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch, spec: StudySpec
) -> None:
    monkeypatch.setattr(worker_processes, "can_fork", lambda: False)
    results = []
    with running(LocalExecutor(place_of(spec), workers=1, prepared=spec.prepared)) as started:
        assert isinstance(started._workers[0].process, subprocess.Popen)
        for one in (started, executor):
            one.submit(job(spec, 11))
            *epochs, end = collect(one, is_end)
            assert isinstance(end, JobFinished)
            assert [type(event) for event in epochs] == [EpochFinished] * 3
            results.append([replace(event.record, seconds=0.0) for event in epochs if isinstance(event, EpochFinished)])
    assert results[0] == results[1]


@pytest.mark.slow
def test_closing_ends_a_training_at_once(executor: LocalExecutor, spec: StudySpec) -> None:
    (pid,) = executor.pids()
    executor.submit(job(spec, 10, epochs=100_000))
    collect(executor, lambda event: isinstance(event, EpochFinished))
    executor.close(at_once=True)
    assert not alive(pid)


@pytest.mark.parametrize("at_once", [True, False])
def test_closing_leaves_no_process(spec: StudySpec, at_once: bool) -> None:
    executor = LocalExecutor(place_of(spec), workers=2)
    executor.start()
    pids = executor.pids()
    executor.close(at_once=at_once)
    assert len(pids) == 2
    assert not any(alive(pid) for pid in pids)


def test_data_that_have_changed(spec: StudySpec) -> None:
    place = replace(place_of(spec), data_sha256="0" * 64)
    with (
        running(LocalExecutor(place, workers=1)) as executor,
        pytest.raises(WorkerError, match=r"data must stay as they were .*was 000000000000.*Put the data back"),
    ):
        collect(executor, is_end)


def test_data_that_are_gone(spec: StudySpec) -> None:
    place = replace(place_of(spec), data={**place_of(spec).data, "source": "gone.csv", "target": "y"})
    with (
        running(LocalExecutor(place, workers=1)) as executor,
        pytest.raises(WorkerError, match=r"could not prepare its work: DataError: .*gone\.csv"),
    ):
        collect(executor, is_end)


def test_workers_share_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: StudySpec, project: Path
) -> None:
    """What a source says later, or when a function is called again, changes nothing: each has what was read first."""
    stand_in(tmp_path, monkeypatch, f'read -r line; echo "$line" >> {tmp_path}/said; sleep 600')
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with running(LocalExecutor(place_of(spec), workers=2, prepared=spec.prepared)) as executor:
        file = executor.config.prepared
        assert file is not None
        assert (stat.S_IMODE(file.parent.stat().st_mode), stat.S_IMODE(file.stat().st_mode)) == (0o700, 0o600)
        said = tmp_path / "said"
        eventually(lambda: said.is_file() and said.read_text().count("\n") == 2)
        assert [json.loads(line)["config"]["prepared"] for line in said.read_text().splitlines()] == [str(file)] * 2
    assert not file.parent.exists()


def test_without_room_each_worker_reads_the_rows(monkeypatch: pytest.MonkeyPatch, spec: StudySpec) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    executor = LocalExecutor(place_of(spec), workers=1, prepared=spec.prepared)
    assert executor.config == place_of(spec)
    executor.close()


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A shell script in place of Python: what a worker does that never gets ready."""
    file = tmp_path / "python"
    file.write_text(f"#!/bin/sh\necho started >> {tmp_path}/starts\n{script}\n", encoding="utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(file))
    monkeypatch.setattr(worker_processes, "can_fork", lambda: False)


@pytest.mark.parametrize(
    ("script", "death"),
    [
        ("echo libcudart.so is missing >&2; exit 7", r"exit code 7.*libcudart\.so is missing"),
        ("echo out of memory >&2; kill -9 $$", r"SIGKILL.*lack of memory.*out of memory"),
        ('printf \'{"is": "re\'; exit 0', r"ended before they were ready"),
        ("echo no message", r"ended before they were ready"),
    ],
)
def test_workers_that_never_get_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: StudySpec, script: str, death: str
) -> None:
    stand_in(tmp_path, monkeypatch, script)
    with running(LocalExecutor(place_of(spec), workers=1)) as executor:
        executor.submit(job(spec, 0))
        with pytest.raises(WorkerError, match=f"(?s)3 workers in a row.*{death}"):
            collect(executor, is_end)  # a trial that had not begun is not lost
    assert (tmp_path / "starts").read_text().count("started") == 3


@pytest.mark.parametrize("start", ["sleep 600 &", "setsid sleep 600 &"], ids=["child", "daemon"])
def test_a_killed_worker_is_noticed_though_a_child_keeps_its_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: StudySpec, start: str
) -> None:
    then = "read prepare; read train; kill -9 $$"
    script = f"""{start} echo $! >> {tmp_path}/children; echo '{{"is": "ready"}}'; {then}"""
    stand_in(tmp_path, monkeypatch, script)

    def children() -> list[int]:
        return [int(text) for text in (tmp_path / "children").read_text().split()]

    try:
        with running(LocalExecutor(place_of(spec), workers=1)) as executor:
            (pid,) = executor.pids()
            executor.submit(job(spec, 4))
            (lost,) = collect(executor, is_end)
            assert isinstance(lost, WorkerDied)
            assert lost.reason.startswith("its worker process was ended by SIGKILL")
            assert executor.pids() != [pid]
            eventually(lambda: len(children()) == 2)
            assert executor.poll(0.1) == [], "it died once"
        if not start.startswith("setsid"):
            eventually(lambda: not any(alive(child) for child in children()))
    finally:
        for child in children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize(
    "said",
    [
        "no message",
        "[1]",
        '{"NaN": NaN}',
    ],
)
def test_what_is_no_message_fails_its_trial_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: StudySpec, said: str
) -> None:
    """Code of the model may write to the worker's end of the wire: the next worker trains the next trial."""
    ended = line_of_success(2)
    ready = """echo '{"is": "ready"}'; read prepare; read train"""
    script = f"""if mkdir {tmp_path}/first; then {ready}; echo printed >&2; echo '{said}'; read end
    else {ready}; echo '{ended}'; read end; fi"""
    stand_in(tmp_path, monkeypatch, script)
    with running(LocalExecutor(place_of(spec), workers=1)) as executor:
        executor.submit(job(spec, 1))
        (raised,) = collect(executor, is_end)
        executor.submit(job(spec, 2))
        (second,) = collect(executor, is_end)
    assert isinstance(raised, JobFailed)
    assert raised.number == 1
    assert raised.error.startswith("MessageError: its worker sent ")
    assert raised.traceback == "printed"
    assert isinstance(second, JobFinished)


def test_what_a_worker_prints_fills_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: StudySpec) -> None:
    monkeypatch.setattr("tuner.executors.worker_processes._MAX_LOG_BYTES", 1000)
    monkeypatch.setattr("tuner.executors.worker_processes._KEPT_LOG_BYTES", 100)
    ready = """echo '{"is": "ready"}'; read prepare; read train"""
    stand_in(tmp_path, monkeypatch, f"{ready}; seq 1 10000 >&2; sleep 600")
    with running(LocalExecutor(place_of(spec), workers=1)) as executor:
        executor.submit(job(spec, 1))
        (worker,) = executor._workers
        size = lambda: os.fstat(worker.log.fileno()).st_size  # noqa: E731
        eventually(lambda: executor.poll(0.01) == [] and 0 < size() <= 110)
        assert worker.log_end().endswith("\n10000")


@pytest.mark.parametrize("rises", [True, False], ids=["system", "person"])
def test_a_worker_that_the_system_has_killed_for_want_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: StudySpec, rises: bool
) -> None:
    """It counts whom it kills.  Where its worker had trained others, the trial is guilty the second time."""
    said = [wire_format.encode(message).decode().strip() for message in (
        wire_format.event_message(JobFinished(1, TrainingResult("complete", 0.5), 1.0)),
        wire_format.event_message(JobFailed(3, "MemoryError", "", memory=True)),
    )]  # fmt: skip
    ready = """echo '{"is": "ready"}'; read prepare; read train"""
    script = f"""if mkdir {tmp_path}/first; then {ready}; echo '{said[0]}'; read train; kill -9 $$
    elif mkdir {tmp_path}/second; then {ready}; kill -9 $$; else {ready}; echo '{said[1]}'; read end; fi"""
    stand_in(tmp_path, monkeypatch, script)
    kills = itertools.count() if rises else itertools.repeat(7)
    monkeypatch.setattr("tuner.executors.worker_processes.oom_kills", lambda: next(kills))
    found: list[Event] = []
    with running(LocalExecutor(place_of(spec), workers=1)) as executor:
        for number in (1, 2, 2, 3):
            executor.submit(job(spec, number))
            found += collect(executor, is_end)
    ended, first, second, raised = found
    assert [event.number for event in found] == [1, 2, 2, 3]
    assert isinstance(first, WorkerDied)
    assert isinstance(second, LimitExceeded if rises else WorkerDied)
    assert raised == LimitExceeded(3, "out of memory: MemoryError")


@pytest.mark.parametrize("at_once", [True, False])
def test_closing_ends_what_a_worker_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: StudySpec, at_once: bool
) -> None:
    stand_in(tmp_path, monkeypatch, f"sleep 600 & echo $! > {tmp_path}/child; read prepare; read end")
    executor = LocalExecutor(place_of(spec), workers=1)
    executor.start()
    eventually(lambda: (tmp_path / "child").is_file() and (tmp_path / "child").read_text())
    executor.close(at_once=at_once)
    child = int((tmp_path / "child").read_text())
    eventually(lambda: not alive(child))


def test_a_broken_worker_takes_no_result_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: StudySpec
) -> None:
    """Two stand-ins: one ends its trial, the other cannot prepare; both are read in one batch."""
    result = line_of_success(7)
    broken = '{"is": "broken", "error": "DataError: gone", "traceback": ""}'
    first = f"""read prepare; echo '{{"is": "ready"}}'; read train; echo '{result}'; read end"""
    stand_in(tmp_path, monkeypatch, f"if mkdir {tmp_path}/first; then {first}; else echo '{broken}'; fi")
    with running(LocalExecutor(place_of(spec), workers=1)) as executor:
        executor.submit(job(spec, 7))
        transport = cast(PipeTransport, executor._transport)
        assert executor.poll(PATIENCE_S) == [], "it is ready"
        eventually(lambda: transport._inbox.qsize() == 1)
        executor._workers.append(transport.spawn(1))
        eventually(lambda: transport._inbox.qsize() == 3)
        assert executor.poll(1.0) == [JobFinished(7, TrainingResult("complete", 0.5), 1.0)]
        assert executor.free_slots() == 0
        executor.submit(job(spec, 8))  # a lost trial is handed in again without a look
        for _ in range(2):
            with pytest.raises(WorkerError, match="could not prepare its work: DataError: gone"):
                executor.poll(1.0)


@pytest.mark.parametrize("forks", [True, False])
def test_a_worker_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch, spec: StudySpec, forks: bool) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setattr(worker_processes, "can_fork", lambda: forks)
    monkeypatch.setenv("OF_THIS_TEST", "")  # no fork server that is kept has it
    executor = LocalExecutor(place_of(spec), workers=1)
    with pytest.raises(WorkerError, match="A worker process could not be started: .*No such file"):
        executor.start()
    executor.close(at_once=True)


def test_where_one_worker_cannot_be_started_the_others_end(monkeypatch: pytest.MonkeyPatch, spec: StudySpec) -> None:
    monkeypatch.setattr(worker_processes, "can_fork", lambda: False)
    executor = LocalExecutor(place_of(spec), workers=3)
    real, pids = worker_processes._StartedProcess, []

    def second_fails(*arguments: Any, **options: Any) -> Any:
        if pids:
            raise OSError("no more processes")
        process = real(*arguments, **options)
        pids.append(process.pid)
        return process

    monkeypatch.setattr(worker_processes, "_StartedProcess", second_fails)
    with pytest.raises(WorkerError, match="could not be started: no more processes"):
        executor.start()
    executor.close(at_once=True)
    assert len(pids) == 1
    assert not alive(pids[0])


COORDINATOR = """
import sys, time
from tuner.executors import LocalExecutor
from tuner.executors.worker_processes import PipeTransport
from tuner.protocol import WorkerConfig
executor = LocalExecutor(WorkerConfig.from_json({place!r}), workers=2)
executor.start()
print(*executor.pids(), flush=True)
time.sleep(600)
"""


LOADER = """
import multiprocessing, os, subprocess, time

def load():
    started = subprocess.Popen(["sleep", "600"])
    forked = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
    forked.start()
    with open("started", "a") as file:
        file.write(f"{started.pid} {forked.pid}\\n")
    time.sleep(600)
"""


def test_workers_end_with_a_killed_coordinator_and_so_do_their_children(tmp_path: Path, spec: StudySpec) -> None:
    (tmp_path / "loader.py").write_text(LOADER, encoding="utf-8")
    place = replace(place_of(spec), project=tmp_path, data={"source": "loader.py:load"})
    script = COORDINATOR.format(place=place.to_json())
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        pids = [int(text) for text in process.stdout.readline().split()]
        file = tmp_path / "started"
        eventually(lambda: file.is_file() and file.read_text().count("\n") == 2)
        pids += [int(text) for text in file.read_text().split()]
        assert len(pids) == 6
        assert all(alive(pid) for pid in pids)
        process.kill()
    eventually(lambda: not any(alive(pid) for pid in pids))

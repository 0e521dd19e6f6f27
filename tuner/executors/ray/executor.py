"""Workers on a Ray cluster: long-lived actors, so that TensorFlow is imported and the data are read once for each.

An actor that cannot be scheduled yet is pending and takes no job; a node that joins makes it run.  Each actor has one
call of `take` on its way, which brings events; an actor whose call fails is given up, and its trial is lost.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import socket
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.errors import WorkerError
from tuner.executors.memory_limits import OomRetryPolicy, deadline_passed
from tuner.executors.ray.actor import CALLS, RayWorker, Work, work
from tuner.executors.ray.project_archive import digest, pack
from tuner.executors.ray.session import RaySession, close_token_file
from tuner.executors.worker_env import settings
from tuner.protocol import (
    Event,
    GlobalStateChanged,
    Job,
    JobFailed,
    JobFinished,
    LimitExceeded,
    WorkerConfig,
    WorkerDied,
    messages,
    out_of_memory,
)
from tuner.text import format_error, plain

LOCAL = "local"
"""Address of a Ray that is started for this run alone."""

_STARTS_WITHOUT_READY = 3
"""Actors in a row of one place that may die before they are ready; then it is no accident."""
_LOOK_EVERY_S = 2.0
"""How often the nodes of the cluster are counted."""
_NODE_PATIENCE_S = 300.0
"""How long a cluster may take to start a node that a worker fits on; one of its own never starts any."""
_CONNECT_S = 10.0
_LEAVE_S = 2.0
_HEAD_PATIENCE_S = 15.0
"""How long the head may be out of reach; after 60 s Ray would end this process, without a word that helps."""
_QUIET = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent to anyone, unless a person has said so
}


@dataclass(eq=False)
class _Actor:
    handle: Any
    attempt: int
    ready: bool = False
    job: Job | None = None
    began: float | None = None
    trials: int = 0
    parser: messages.EventParser | None = None  # of the job
    spent: bool = False  # whether no other job may follow this one


class RayExecutor:
    """Workers of a Ray cluster.

    Args:
        workplace: What all trials share; its project folder is sent to the nodes.  Its limit of memory is not watched.
        workers: How many actors; None for as many as the cluster has room for, also when nodes join.
        address: Of the cluster; None for what RAY_ADDRESS says, else a Ray of this run alone.
        cpus: CPUs of one worker; a fraction means that workers share one.
        gpus: GPUs of one worker.
        named: Files and folders that the study names, relative to the project: they are always sent.
        loop: What an actor runs.
    """

    def __init__(
        self,
        workplace: WorkerConfig,
        workers: int | None = None,
        *,
        address: str | None = None,
        cpus: float = 1.0,
        gpus: float = 0.0,
        named: Sequence[str] = (),
        loop: Work = work,
    ) -> None:
        self._workplace, self._workers, self._named, self._loop = workplace, workers, named, loop
        self._address = address or os.environ.get("RAY_ADDRESS") or LOCAL
        self._cpus, self._gpus, self._limits = cpus, gpus, workplace.limits
        self._actors: list[_Actor] = []
        self._calls: dict[Any, tuple[_Actor, bool]] = {}  # on their way → whose, and whether it is a `take`
        self._waiting: deque[Job] = deque()
        self._suspects = OomRetryPolicy()
        self._error: WorkerError | None = None
        self._ray: Any = None
        self._session: RaySession | None = None
        self._project: tuple[Any, str] | None = None  # the archive as an object of Ray, and its hash
        self._looked = -math.inf
        self._no_room_since: float | None = None
        self._head: tuple[str, int] | None = None
        self._head_lost = False

    def start(self) -> None:
        """See `Executor`.  The actors start while the coordinator goes on."""
        if self._ray is not None:
            return
        self._ray = _import_ray()
        if self._ray.is_initialized():
            raise WorkerError(
                "A run connects to Ray itself, but this process is connected already. Call ray.shutdown() before."
            )
        archive = pack(self._workplace.project, self._named)
        with _connecting(self._address):
            self._ray.init(
                address=self._address,
                job_config=_job(self._ray),
                runtime_env={"env_vars": variables(self._workplace, self._cpus, self._gpus)},
                log_to_driver=False,
                logging_level=logging.ERROR,
                **self._own_ray(),
            )
            self._project = self._ray.put(archive), digest(archive)
        if self._address != LOCAL:
            host, _, port = self._ray.get_runtime_context().gcs_address.rpartition(":")
            self._head = host.strip("[]"), int(port)
        self._make_room()

    def free_slots(self) -> int:
        """See `Executor`.  Actors that are pending, or still prepare, take nothing."""
        if self._error is not None:
            return 0
        return max(0, len(self._idle()) - len(self._waiting))

    def submit(self, job: Job) -> None:
        """See `Executor`.  A lost trial is handed in while no actor may be free: it waits for one."""
        self._waiting.append(job)
        self._hand_out()

    def resume_or_prune(self, number: int, go_on: bool) -> None:
        """See `Executor`."""
        for actor in self._actors:
            if actor.job is not None and actor.job.number == number:
                self._put(actor, {"do": "answer", "go_on": go_on})

    def cancel(self, number: int) -> None:
        """See `Executor`.  A program in progress cannot be asked to end: its actor is replaced."""
        self._waiting = deque(job for job in self._waiting if job.number != number)
        for actor in [actor for actor in self._actors if actor.job is not None and actor.job.number == number]:
            self._give_up(actor)

    def poll(self, timeout_s: float) -> list[Event]:
        """See `Executor`.  What had happened before an error is given first, the error at the next call."""
        if self._error is not None:
            raise self._error
        found: list[Event] = []
        try:
            for call in self._ended_calls(timeout_s):
                found += self._take_in(call)
            found += self._look_at_time()
            if time.monotonic() - self._looked > _LOOK_EVERY_S:
                self._make_room()
            self._hand_out()
        except WorkerError as error:
            if not found:
                raise
            self._error = error
        return found

    def close(self, *, at_once: bool = False) -> None:
        """See `Executor`.  Ends our actors and leaves the cluster; what others run there goes on."""
        if self._ray is not None and self._ray.is_initialized():
            if not self._head_lost:  # without a head Ray would wait for it
                self._let_leave()
                for actor in self._actors:
                    self._kill(actor)
            self._actors.clear()
            self._calls.clear()
            self._project = None
            self._ray.shutdown()
        if self._session is not None:
            self._session.close()

    def _own_ray(self) -> dict[str, Any]:
        """What a Ray of this run alone needs besides."""
        if self._address != LOCAL:
            close_token_file()
            return {}
        self._session = RaySession(self._ray)
        return {"include_dashboard": False, "_temp_dir": self._session.temp_dir}

    def _let_leave(self) -> None:
        """Let the workers remove their copies of the project; one that cannot leaves it to the next on its node."""
        calls = [actor.handle.leave.remote() for actor in self._actors if actor.ready]
        if calls:
            self._ray.wait(calls, num_returns=len(calls), timeout=_LEAVE_S)

    def _idle(self) -> list[_Actor]:
        return [actor for actor in self._actors if actor.ready and actor.job is None]

    def _spawn(self, attempt: int = 1) -> None:
        remote = self._ray.remote(RayWorker).options(
            num_cpus=self._cpus,
            num_gpus=self._gpus,
            max_concurrency=CALLS,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
        )
        assert self._project is not None
        actor = _Actor(remote.remote(self._workplace.to_json(), *self._project, self._loop), attempt)
        self._actors.append(actor)
        self._take(actor)

    def _take(self, actor: _Actor) -> None:
        self._calls[actor.handle.take.remote()] = actor, True

    def _put(self, actor: _Actor, message: dict[str, Any]) -> None:
        self._calls[actor.handle.put.remote(message)] = actor, False

    def _hand_out(self) -> None:
        for actor in self._idle():
            if not self._waiting:
                return
            actor.job, actor.began = self._waiting.popleft(), time.monotonic()
            actor.parser = messages.EventParser(actor.job.number)
            self._put(actor, messages.train_message(actor.job))

    def _ended_calls(self, timeout_s: float) -> list[Any]:
        if not self._calls:
            time.sleep(timeout_s)
            return []
        calls = list(self._calls)
        ended, _ = self._ray.wait(calls, num_returns=1, timeout=timeout_s)
        if len(ended) == 1 < len(calls):
            ended, _ = self._ray.wait(calls, num_returns=len(calls), timeout=0)
        return list(ended)

    def _take_in(self, call: Any) -> list[Event]:
        actor, takes = self._calls.pop(call, (None, False))
        if actor is None:  # given up meanwhile
            return []
        try:
            said = self._ray.get(call)
        except self._ray.exceptions.RayError as error:  # it died or is out of reach: what it does now counts no more
            return self._lose(actor, error)
        found: list[Event] = []
        try:
            for message in said:
                if actor in self._actors:
                    found += self._handle(actor, message)
        except messages.MessageError as error:
            return found + self._distrust(actor, error)
        if takes and actor in self._actors:
            self._take(actor)
        return found

    def _handle(self, actor: _Actor, message: Any) -> list[Event]:
        if not isinstance(message, dict):
            raise messages.MessageError(f"something of type {type(message).__name__}")
        match message.get("is"):
            case "ready" if not actor.ready:
                actor.ready, actor.attempt = True, 1
                return []
            case "broken" if not actor.ready:
                raise WorkerError(f"A worker could not prepare its work: {plain(str(message.get('error')))}")
            case "broken":  # its thread has ended
                self._give_up(actor)
                return (
                    [] if actor.job is None else [WorkerDied(actor.job.number, "its worker ended", plain(str(message)))]
                )
        if actor.parser is None:
            raise messages.MessageError("something between two trials")
        event = actor.parser.parse(message)
        if isinstance(event, JobFailed) and event.memory:
            found = self._without_memory(actor.job, event.error, event.traceback, actor.trials)
            self._give_up(actor)
            return found
        if isinstance(event, JobFinished | JobFailed):
            actor.job, actor.parser, actor.began, actor.trials = None, None, None, actor.trials + 1
            if actor.spent:
                self._give_up(actor)
        elif isinstance(event, GlobalStateChanged):
            actor.spent = bool(event.lasting)
        return [event]

    def _distrust(self, actor: _Actor, error: messages.MessageError) -> list[Event]:
        """Give up an actor whose messages cannot be understood; its trial has failed."""
        if not actor.ready and actor.attempt >= _STARTS_WITHOUT_READY:
            raise WorkerError(f"{actor.attempt} workers in a row were of no use before they were ready: {error}")
        self._give_up(actor, 1 if actor.ready else actor.attempt + 1)
        return [] if actor.job is None else [JobFailed(actor.job.number, format_error(error), str(error))]

    def _without_memory(self, job: Job | None, error: str, log: str, trials_before: int) -> list[Event]:
        """What is told of a trial that could not have the memory it wanted."""
        assert job is not None
        reason = f"out of memory: {error}"
        guilty = self._suspects.should_fail(job.number, trials_before)
        return [LimitExceeded(job.number, reason) if guilty else WorkerDied(job.number, reason, log)]

    def _lose(self, actor: _Actor, error: Exception) -> list[Event]:
        job, reason = actor.job, format_error(error)
        if not actor.ready and actor.attempt >= _STARTS_WITHOUT_READY:
            raise WorkerError(
                f"{actor.attempt} workers in a row ended before they were ready. The last one said: {reason} "
                "Every node needs this package, in the version that the coordinator has."
            )
        self._wait_for_head()
        self._give_up(actor, 1 if actor.ready else actor.attempt + 1)
        if job is not None and out_of_memory(error):  # Ray has ended it, as its node has none left
            return self._without_memory(job, reason, str(error), trials_before=1)  # perhaps not by its fault
        return (
            [] if job is None else [WorkerDied(job.number, f"its worker was lost ({type(error).__name__})", str(error))]
        )

    def _give_up(self, actor: _Actor, attempt: int = 1) -> None:
        """Forget an actor, and start another one in its place if the cluster has room for it."""
        self._kill(actor)
        self._actors.remove(actor)
        self._calls = {call: entry for call, entry in self._calls.items() if entry[0] is not actor}
        if len(self._actors) < self._wanted():
            self._spawn(attempt)

    def _kill(self, actor: _Actor) -> None:
        with contextlib.suppress(self._ray.exceptions.RayError, ValueError):  # it is dead already
            self._ray.kill(actor.handle, no_restart=True)

    def _wanted(self) -> int:
        return self._workers or max(1, self._room())

    def _room(self) -> int:
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return sum(fitting(resources, self._cpus, self._gpus) for resources in nodes)

    def _make_room(self) -> None:
        """Count the nodes: start the actors that are missing, or say that there will be no place for any."""
        self._wait_for_head()
        now = self._looked = time.monotonic()
        if self._room():
            self._no_room_since = None
        else:
            self._no_room_since = self._no_room_since or now
            patience_s = 0.0 if self._address == LOCAL else _NODE_PATIENCE_S
            if now - self._no_room_since >= patience_s:
                raise WorkerError(
                    f"A node must have what one worker needs ({self._cpus:g} CPUs, {self._gpus:g} GPUs), but the "
                    f"cluster has {_nodes_in_words(self._ray.nodes())}. Ask for less in [resources] of the study "
                    "file, or add a larger node."
                )
        while len(self._actors) < self._wanted():
            self._spawn()

    def _wait_for_head(self) -> None:
        """Make sure that the head of a cluster can be reached before Ray is asked for anything that needs it.

        Raises:
            WorkerError: It could not for too long.
        """
        deadline = time.monotonic() + _HEAD_PATIENCE_S
        while self._head is not None:
            try:
                socket.create_connection(self._head, timeout=1.0).close()
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    self._head_lost = True
                    raise WorkerError(
                        f"The head node of the Ray cluster must stay in reach, but {self._head[0]}:{self._head[1]} has "
                        f"not answered for {_HEAD_PATIENCE_S:g} s ({error}). Start the cluster again and run the same "
                        "command: what is finished is kept, and what ran runs again."
                    ) from error
            time.sleep(1.0)

    def _look_at_time(self) -> list[Event]:
        """End trials that take longer than they may."""
        found: list[Event] = []
        for actor in list(self._actors):
            job = actor.job
            if job is not None and deadline_passed(actor.began, self._limits.trial_time_s, job.spent_s):
                found.append(LimitExceeded(job.number, f"timeout: took longer than {self._limits.trial_time_s:g} s"))
                self._give_up(actor)
        return found


def variables(workplace: WorkerConfig, cpus: float, gpus: float) -> dict[str, str]:
    """Environment variables of the workers: what TensorFlow reads."""
    # Several workers on one GPU: none may take all of its memory.  Who asked for none must not use that of others.
    more = {"TF_FORCE_GPU_ALLOW_GROWTH": "true"} if gpus else {"CUDA_VISIBLE_DEVICES": "-1"}
    return {**settings(workplace, max(1, int(cpus))), **more}


class _NoPaths(list[str]):
    """A list that stays empty."""

    def extend(self, paths: Iterable[str]) -> None:
        """Add nothing."""


def _job(ray: Any) -> Any:
    """Give Ray's settings of a run, without the folders where workers would look for modules first.

    Ray adds the current folder and that of the script: on another node somebody else may own a folder of that name,
    and here a file of the project would hide a library.
    """
    config = ray.job_config.JobConfig()
    config._py_driver_sys_path = _NoPaths()
    return config


def fitting(resources: Mapping[str, float], cpus: float, gpus: float) -> int:
    """How many workers a node has room for."""
    needs = {"CPU": cpus, "GPU": gpus}
    # A third is 0.333 in a study file: three such workers fit, and so must 0.1 ten times.
    return min(math.floor(resources.get(name, 0.0) / need + 1e-9) for name, need in needs.items() if need)


def _nodes_in_words(nodes: Sequence[Mapping[str, Any]]) -> str:
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    largest = max(alive, key=lambda one: (one.get("GPU", 0.0), one.get("CPU", 0.0)), default={})
    count = "1 node" if len(alive) == 1 else f"{len(alive)} nodes"
    return f"{count}, the largest with {largest.get('CPU', 0.0):g} CPUs and {largest.get('GPU', 0.0):g} GPUs"


def _import_ray() -> Any:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        step = "Install it: pip install 'keras-studies[ray]'."
        raise WorkerError(f"The executor ray needs Ray, but it cannot be imported ({error}). {step}") from None
    return ray


@contextlib.contextmanager
def _connecting(address: str) -> Iterator[None]:
    """Say what to do where Ray says only what is wrong."""
    try:
        host, _, port = address.rpartition(":")
        if host and "/" not in address and port.isdecimal():  # Ray would try for a minute
            socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
        yield
    except Exception as error:
        if address == LOCAL:
            step = "Give the --address of a cluster, or use --executor local."
        else:  # Ray says of a wrong token only that it could not connect
            step = (
                "Look whether it runs (`ray status`), with the versions of Ray and Python that are here. If it asks "
                "for a token, set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH."
            )
        raise WorkerError(
            f"Ray at {address} must be reachable, but said: {format_error(error).rstrip('.')}. {step}"
        ) from error

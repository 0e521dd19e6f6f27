"""How many workers one coordinator keeps busy: a simulation in which the coordinator is real and the workers are not.

    python benchmarks/coordinator_limit.py [--workers 10,100,1000] [--seconds 1,10,100,1000] [--sampler tpe]
        [--pruner none] [--clock wall]
    python benchmarks/coordinator_limit.py --postgres

Runner, sampler, pruner, messages and SQLite are the real ones; what they take passes on a clock that skips the time in
which the coordinator waits.  A worker takes a drawn time for a trial (lognormal, a quartile 0.7 and 1.4 times the
median), sends a message of 20 epochs with their health, waits where the pruner is asked, and has no other cost.
"busy" is the share of the workers' time in which they train, "trials/s" what the coordinator did; both without the
beginning, until as many trials have ended as there are workers, and without the end, when no new ones begin.

With `--clock cpu` the coordinator's CPU time passes instead of wall time: for a machine that does other work.

`--postgres` is no simulation: 1, 2 and 4 coordinators at once, each a process with eight trials at a time that take no
time, on one study in a PostgreSQL database, and on SQLite.
"""

from __future__ import annotations

import argparse
import heapq
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coordinator import CONTENT

import tuner.runner.budget
import tuner.runner.study_runner
import tuner.storage.study_session
from tuner.executors import InlineExecutor
from tuner.protocol import EpochFinished, Event, Job, JobFinished, wire_format
from tuner.runner.study_runner import StudyRunner
from tuner.storage import open_database
from tuner.study import StudySpec, read_study_dict

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "tests"))
import mock_study  # noqa: E402

EPOCHS = 20


def spec_of(trials: int, sampler: str, pruner: str) -> StudySpec:
    """The digits study of the benchmarks."""
    budget = {"trials": trials, "epochs": EPOCHS}
    return read_study_dict(
        CONTENT | {"budget": budget, "sampler": {"name": sampler}, "pruner": {"name": pruner}}, PROJECT
    )


class Clock:
    """Stands for the module `time` in the coordinator: its own work passes, waiting is skipped."""

    def __init__(self, source: Callable[[], float]) -> None:
        self._source, self._offset, self._others = source, 0.0, 0.0
        self._began = source()

    def monotonic(self) -> float:
        """Seconds."""
        return self._source() + self._offset

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self._offset += seconds

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """What is done inside takes no time: it is the work of others."""
        began = self._source()
        yield
        self._offset -= self._source() - began
        self._others += self._source() - began

    def worked(self) -> float:
        """Seconds that the coordinator has worked, or has waited for its disk."""
        return self._source() - self._began - self._others


@dataclass
class _Trial:
    job: Job
    training: Any
    epoch_s: float
    answers: list[bool] = field(default_factory=list)


class SimulatedExecutor:
    """See `Executor`: workers that only take time, by the clock of the simulation."""

    def __init__(self, clock: Clock, workers: int, median_s: float, seed: int = 0) -> None:
        self._clock, self._workers, self._median_s = clock, workers, median_s
        self._draw = random.Random(seed)
        self._running: dict[int, _Trial] = {}
        self._due: list[tuple[float, int]] = []
        self.busy: list[tuple[float, float]] = []
        self.ended: list[float] = []
        self.begun: list[float] = []

    def start(self) -> None:
        """See `Executor`."""

    def starting_workers(self) -> int:
        """See `Executor`: there are none."""
        return 0

    def free_slots(self) -> int:
        """See `Executor`."""
        return self._workers - len(self._running)

    def submit(self, job: Job) -> None:
        """See `Executor`."""
        with self._clock.stopped():
            seconds = self._median_s * math.exp(self._draw.gauss(0.0, 0.5))
            trial = _Trial(job, mock_study.trainer(job.recipe), seconds / EPOCHS)
            self._running[job.number] = trial
            self.begun.append(self._clock.monotonic())
            self._train(trial)

    def resume_or_prune(self, number: int, go_on: bool) -> None:
        """See `Executor`."""
        with self._clock.stopped():
            self._running[number].answers.append(go_on)
            self._train(self._running[number])

    def cancel(self, number: int) -> None:
        """See `Executor`: nothing here is stopped from outside."""
        raise NotImplementedError(f"trial {number} was stopped, which no part of this benchmark does")

    def poll(self, timeout_s: float) -> list[Event]:
        """See `Executor`."""
        with self._clock.stopped():
            now = self._clock.monotonic()
            wait_s = max(0.0, self._due[0][0] - now) if self._due else timeout_s
        self._clock.sleep(min(wait_s, timeout_s))
        if wait_s > timeout_s or not self._due:
            return []
        lines = []
        with self._clock.stopped():
            now = self._clock.monotonic()
            while self._due and self._due[0][0] <= now + 1e-9:
                at, number = heapq.heappop(self._due)
                lines += self._step(self._running[number], at)
        return [wire_format.parse_event(wire_format.decode(line)) for line in lines]

    def close(self, *, at_once: bool = False) -> None:
        """See `Executor`."""

    def _train(self, trial: _Trial, begin: float | None = None) -> None:
        """Train an epoch: it ends at a time to come."""
        begin = self._clock.monotonic() if begin is None else begin
        pruned = trial.answers[-1:] == [False]
        seconds = 0.0 if pruned else trial.epoch_s
        self.busy.append((begin, begin + seconds))
        heapq.heappush(self._due, (begin + seconds, trial.job.number))

    def _step(self, trial: _Trial, at: float) -> list[bytes]:
        """What the worker sends when an epoch has ended."""
        number = trial.job.number
        try:
            if trial.answers[-1:] == [False]:
                raise StopIteration(mock_study.Training("pruned", None, "pruned"))
            record = next(trial.training)
        except StopIteration as end:
            del self._running[number]
            self.ended.append(at)
            return [_line(JobFinished(number, end.value, trial.epoch_s * EPOCHS))]
        waits = record.epoch in trial.job.rungs
        lines = [_line(EpochFinished(number, record, record.epoch, record.metric, waits))]
        if waits:
            return lines
        if record.epoch < EPOCHS:
            self._train(trial, at)
            return lines
        return lines + self._step(trial, at)


def _line(event: Event) -> bytes:
    return wire_format.encode(wire_format.event_message(event))


def simulate(workers: int, median_s: float, options: argparse.Namespace) -> str:
    """One row of the table."""
    clock = Clock(time.process_time if options.clock == "cpu" else time.perf_counter)
    for module in (tuner.runner.budget, tuner.runner.study_runner, tuner.storage.study_session):
        module.time = clock  # type: ignore[attr-defined]
    trials = max(300, options.rounds * workers)
    executor = SimulatedExecutor(clock, workers, median_s)
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/t.db", create=True)
        StudyRunner(spec_of(trials, options.sampler, options.pruner), database, executor).run()
        worked = clock.worked()
        database.close()
    first, last = sorted(executor.ended)[workers - 1], executor.begun[-1]
    inside = sum(first < at <= last for at in executor.ended)
    trained = sum(max(0.0, min(end, last) - max(begin, first)) for begin, end in executor.busy)
    share = trained / (workers * (last - first))
    pace, each_ms = inside / (last - first), worked / trials * 1e3
    return f"| {workers} | {median_s:g} | {trials} | {pace:.1f} | {share:.0%} | {each_ms:.1f} |"


def together(url: str, coordinators: int, trials: int, sampler: str) -> float:
    """Trials per second of this many coordinators on one study, from the first that begins until the last has ended."""
    arguments = [sys.executable, __file__, "--one", url, str(trials), sampler]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    processes = [subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment) for _ in range(coordinators)]
    times = []
    for process in processes:
        out, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"a coordinator ended with {process.returncode}")
        times.append([float(part) for part in out.split()])
    return trials / (max(end for _, end in times) - min(begin for begin, _ in times))


def postgres(options: argparse.Namespace) -> None:
    """Several real coordinators: the second table."""
    from postgres import PostgresServer

    server = PostgresServer()
    print("| database | coordinators | trials/s |\n|---|---:|---:|", flush=True)
    try:
        for kind in ("SQLite", "PostgreSQL"):
            for coordinators in (1, 2, 4):
                with tempfile.TemporaryDirectory() as folder:
                    url = f"sqlite:///{folder}/t.db" if kind == "SQLite" else server.new_database()
                    pace = together(url, coordinators, options.trials, options.sampler)
                print(f"| {kind} | {coordinators} | {pace:.0f} |", flush=True)
    finally:
        server.remove()


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == ["--one"]:
        url, trials, sampler = sys.argv[2:]
        database = open_database(url, create=True)
        began = time.time()
        StudyRunner(spec_of(int(trials), sampler, "none"), database, InlineExecutor(mock_study.trainer, slots=8)).run()
        print(began, time.time())
        database.close()
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", default="10,100,1000")
    parser.add_argument("--seconds", default="1,10,100,1000", help="medians of a trial's length")
    parser.add_argument("--rounds", type=int, default=3, help="trials a worker; with 2 hardly anything is measured")
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--pruner", default="none")
    parser.add_argument("--clock", default="wall", choices=["wall", "cpu"])
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--trials", type=int, default=1000, help="of --postgres")
    options = parser.parse_args()
    if options.postgres:
        postgres(options)
        return
    print(f"sampler {options.sampler}, pruner {options.pruner}, {EPOCHS} epochs, {options.clock} time\n")
    print("| workers | median s a trial | trials | trials/s | busy | coordinator, ms a trial |")
    print("|---:|---:|---:|---:|---:|---:|", flush=True)
    for workers in map(int, options.workers.split(",")):
        for seconds in map(float, options.seconds.split(",")):
            if workers / seconds <= 100 and seconds / workers <= 1:
                print(simulate(workers, seconds, options), flush=True)


if __name__ == "__main__":
    main()

"""What a trial costs on Ray besides its training: trials that train nothing, on a Ray of one machine.

    python benchmarks/ray_overhead.py [--trials 1000] [--workers 2]

Each trial has five epochs; in the second row the worker waits after each of them for the coordinator, as it does where
a pruner decides.  Actors are real, and hold no TensorFlow.  Ray runs without a network, since it
listens on all addresses.
"""

from __future__ import annotations

import argparse
import os
import queue
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from throughput import WITHOUT_NETWORK

from tuner.engines import EpochRecord, TrainingResult
from tuner.executors import RayExecutor
from tuner.protocol import EpochFinished, Job, JobFinished, WorkerConfig, wire_format

EPOCHS = 5


def loop(inbox: queue.SimpleQueue[dict[str, Any]], send: Callable[[dict[str, Any]], None]) -> None:
    """What a worker says of trials that take no time."""
    inbox.get()
    send({"is": "ready"})
    while True:
        job = wire_format.parse_job(inbox.get())
        for epoch in range(1, EPOCHS + 1):
            record = EpochRecord(0, epoch, 1.0, 1.0, 0.5, 0.1, 0.0)
            send(wire_format.event_message(EpochFinished(job.number, record, epoch, 0.5, epoch in job.rungs)))
            if epoch in job.rungs:
                inbox.get()
        send(wire_format.event_message(JobFinished(job.number, TrainingResult("complete", 0.5), 0.0)))


def seconds(executor: RayExecutor, first: int, trials: int, rungs: tuple[int, ...]) -> float:
    """Wall time of this many trials."""
    began, left = time.monotonic(), trials
    handed = 0
    while left:
        while executor.free_slots() and handed < trials:
            executor.submit(Job(first + handed, {}, rungs))
            handed += 1
        for event in executor.poll(0.2):
            if isinstance(event, EpochFinished) and event.awaits_decision:
                executor.resume_or_prune(event.number, go_on=True)
            left -= isinstance(event, JobFinished)
    return time.monotonic() - began


def measure(trials: int, workers: int) -> None:
    """Print the table; inside the network of its own."""
    with tempfile.TemporaryDirectory() as folder:
        executor = RayExecutor(WorkerConfig(Path(folder), "auto", {}, "", (4,), 0), workers, loop=loop)
        began = time.monotonic()
        executor.start()
        try:
            while executor.free_slots() < workers:
                executor.poll(0.2)
            print(f"start of Ray and {workers} workers: {time.monotonic() - began:.1f} s\n")
            print("| worker waits for answers | trials | workers | ms a trial |")
            print("|---|---:|---:|---:|")
            for name, rungs, first in (("no", (), 0), ("after each of 5 epochs", tuple(range(1, 6)), trials)):
                took = seconds(executor, first, trials, rungs)
                print(f"| {name} | {trials} | {workers} | {1000 * took / trials:.1f} |")
        finally:
            executor.close()


def main() -> None:
    """Measure, without a network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        sys.modules.setdefault("ray_overhead", sys.modules["__main__"])
        loop.__module__ = "ray_overhead"  # an actor imports it by this name
        return measure(given.trials, given.workers)
    here = Path(__file__).resolve().parent
    paths = [str(here.parent), str(here), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    arguments = ["--inside", "--trials", str(given.trials), "--workers", str(given.workers)]
    command = [*WITHOUT_NETWORK, sys.executable, __file__, *arguments]
    return sys.exit(subprocess.run(command, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()

"""Many workers on one SQLite file: how many trials a second, and how many are lost, here and with plain Optuna.

    python benchmarks/contention.py [--workers 32] [--trials 64] [--reports 20] [--sampler random] [--ways …]

Each worker does `--trials` trials that train nothing and report `--reports` values.  Plain Optuna: every worker is a
process with `study.optimize` on `sqlite:///…`; one that gets an error continues with its next trial.  Ours: worker
processes under one coordinator, and the same number of them under four coordinators that run at once.

"trials/s" is from the start of the first trial to the end of the last one, by the times in the database: no process is
started meanwhile in plain Optuna, while ours counts the start of all workers but the first.  "wall s" has the start of
all processes.  "lost" are trials that are not complete with all reports; "errors" are those that processes got.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
NAME = "mock"


def plain(url: str, trials: int, reports: int, sampler: str, go: Path) -> None:
    """One process of plain Optuna; prints how many errors it got."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial: optuna.Trial) -> float:
        trial.suggest_categorical("optimizer", ["sgd", "adam", "adagrad"])
        rate = trial.suggest_float("learning_rate", 1e-4, 10.0, log=True)
        trial.suggest_float("momentum", 0.0, 0.99)
        trial.suggest_categorical("schedule", ["constant", "cosine"])
        trial.suggest_categorical("activation", ["relu", "tanh"])
        for step in range(1, reports + 1):
            trial.report(rate * step, step)
        return rate

    study, begun, errors = None, 0, 0
    go.with_suffix(f".{os.getpid()}").touch()
    while not go.exists():
        time.sleep(0.01)
    classes = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}

    def counted(trial: optuna.Trial) -> float:
        nonlocal begun
        begun += 1
        return objective(trial)

    while begun < trials:
        before = begun
        try:
            study = study or optuna.load_study(study_name=NAME, storage=url, sampler=classes[sampler]())
            study.optimize(counted, n_trials=trials - begun)
        except Exception as error:
            errors += 1
            begun = max(begun, before + 1)  # the trial that it was about to begin is lost as well
            print(f"{type(error).__name__}: {str(error).splitlines()[0]}", file=sys.stderr)
    print(errors)


def ours(url: str, workers: int, trials: int, reports: int, sampler: str) -> None:
    """One coordinator with its workers."""
    sys.path.insert(0, str(PROJECT / "tests"))
    from mock_study import spec_of, with_workers

    from tuner.runner.study_runner import StudyRunner
    from tuner.storage import open_database

    spec = spec_of(PROJECT, budget={"trials": trials, "epochs": reports}, sampler={"name": sampler})
    database = open_database(url, create=True)
    StudyRunner(spec, database, with_workers(spec, workers, 0.0)).run()
    database.close()
    print(0)


def start(way: str, *arguments: object) -> subprocess.Popen[str]:
    """A process of this file."""
    command = [sys.executable, __file__, "--one", way, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def count(file: Path, wanted: int, reports: int) -> dict[str, Any]:
    """What is in the database."""
    with sqlite3.connect(file) as connection:
        states = dict(connection.execute("select state, count(*) from trials group by state"))
        full = connection.execute(
            "select count(*) from trials join (select trial_id, count(*) as n from trial_intermediate_values "
            "group by trial_id) using (trial_id) where state = 'COMPLETE' and n = ?",
            (reports,),
        ).fetchone()[0]
        numbers = connection.execute("select count(*) - count(distinct number) from trials").fetchone()[0]
        first, last = connection.execute("select min(datetime_start), max(datetime_complete) from trials").fetchone()
    seconds = (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
    return {"full": full, "lost": wanted - full, "states": states, "twice": numbers, "pace": full / seconds}


def measure(way: str, workers: int, trials: int, reports: int, sampler: str) -> dict[str, Any]:
    """Run one way in a database of its own."""
    with tempfile.TemporaryDirectory(prefix="tuner-contention-") as folder:
        file, go = Path(folder) / "t.db", Path(folder) / "go"
        url, began = f"sqlite:///{file}", time.monotonic()
        if way == "plain":
            import optuna

            optuna.logging.set_verbosity(optuna.logging.ERROR)
            optuna.create_study(study_name=NAME, storage=url)
            processes = [start("plain", url, trials, reports, sampler, go) for _ in range(workers)]
            while len(list(Path(folder).glob("go.*"))) < workers:
                time.sleep(0.05)
            go.touch()
        else:
            coordinators = int(way)
            given = (url, workers // coordinators, workers * trials, reports, sampler)
            processes = [start("ours", *given) for _ in range(coordinators)]
        errors, messages = 0, set()
        for process in processes:
            out, err = process.communicate()
            errors += int(out) if process.returncode == 0 else 1
            messages |= set(err.splitlines())
        wall = time.monotonic() - began
        return {**count(file, workers * trials, reports), "errors": errors, "wall": wall, "messages": messages}


def main() -> None:
    """Run each way, print the table."""
    if sys.argv[1:2] == ["--one"]:
        way, url, *rest = sys.argv[2:]
        if way == "plain":
            plain(url, int(rest[0]), int(rest[1]), rest[2], Path(rest[3]))
        else:
            ours(url, int(rest[0]), int(rest[1]), int(rest[2]), rest[3])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=32)
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--reports", type=int, default=20)
    parser.add_argument("--sampler", default="random", choices=["random", "tpe"])
    parser.add_argument("--ways", default="plain,1,4", help="plain, or a number of coordinators; a comma between them")
    given = parser.parse_args()
    print(f"{given.workers} workers, {given.trials} trials each, {given.reports} reports, sampler {given.sampler}\n")
    print("| way | trials/s | times plain | wall s | complete | lost | errors | number twice |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    base, messages = None, set()
    for way in given.ways.split(","):
        found = measure(way, given.workers, given.trials, given.reports, given.sampler)
        base = found["pace"] if way == "plain" else base
        name = "plain Optuna" if way == "plain" else f"tuner, {way} coordinator{'s' * (way != '1')}"
        times = "" if base is None else f"{found['pace'] / base:.1f}"
        print(
            f"| {name} | {found['pace']:.1f} | {times} | {found['wall']:.0f} | {found['full']} | {found['lost']} | "
            f"{found['errors']} | {found['twice']} |",
            flush=True,
        )
        messages |= found["messages"]
    for message in sorted(messages)[:10]:
        print(f"\n{message[:200]}")


if __name__ == "__main__":
    main()

"""How long a study takes: `tuner run` with each engine, next to a plain Optuna loop over `model.fit` and other tools.

    python benchmarks/throughput.py [--study digits|cnn|dense|long] [--trials 100]
        [--ways auto,fit,loop,loops,kerastuner,hyperopt,ray]

The study of `digits`: the MLP of `models/mlp.py`, random recipes of three losses, six optimizers, five schedules, four
initializers, four activations and three widths; 20 epochs in batches of 32, no pruning.  Each way runs in processes
of its own, one way after the other, so importing TensorFlow is in its time.  Only the engines run all trials: the
others run a few (`--few`), and the time of these, without the start, is scaled.  `loops` are two processes of `loop`
side by side, each with half of the trials.  `CPU` is user time of all processes:
on a machine that does other work, compare this.  Ray runs without a network, since it listens on all addresses.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from peers import PROJECT, STUDIES, WAYS

ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}
SIDE_BY_SIDE = ["sh", "-c", '"$@" --folder "$(mktemp -d)" & "$@" --folder "$(mktemp -d)"; wait', "sh"]
WITHOUT_NETWORK = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
_NO_SEARCH = '\n[sampler]\nname = "random"\n[pruner]\nname = "none"\n'


def by_tuner(study: str, engine: str, trials: int, workers: int, measured: bool) -> dict[str, Any]:
    """The study by `tuner run`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{study}.toml"
        health = f"[health]\nmeasure = {str(measured).lower()}\n"
        file.write_text(STUDIES[study] + _NO_SEARCH + health, encoding="utf-8")
        command = ["-m", "tuner", "run", str(file), "--engine", engine, "--trials", str(trials), "--json"]
        command += ["--workers", str(workers), "--storage", f"sqlite:///{folder}/tuner.db"]
        wall, cpu, output = timed([sys.executable, *command])
    content = json.loads(output)
    if content["counts"]["complete"] + content["counts"]["diverged"] != trials:
        raise RuntimeError(f"not every trial was trained: {content['counts']}")
    note = f"{workers} workers" if measured else f"{workers} workers, health not measured"
    return {"wall": wall, "cpu": cpu, "ran": trials, "note": note}


def by_peer(study: str, way: str, few: int, trials: int) -> dict[str, Any]:
    """The same recipes by another way, scaled from a few trials."""
    way, side_by_side = ("loop", 2) if way == "loops" else (way, 1)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(Path(__file__).with_name("peers.py")), way, "--study", study]
        command += ["--trials", str(few), "--folder", folder]
        if way == "ray":
            command = [*WITHOUT_NETWORK, *command]
        wall, cpu, output = timed(command if side_by_side == 1 else [*SIDE_BY_SIDE, *command])
    inside = max(json.loads(line)["wall"] for line in output.splitlines()[-side_by_side:])
    scale = trials / few / side_by_side
    ran = few * side_by_side
    # What is outside of the study is the start of Python and of TensorFlow, once.
    start = wall - inside
    return {"wall": start + inside * scale, "cpu": cpu * (start + inside * scale) / wall, "ran": ran, "note": "scaled"}


def timed(command: list[str]) -> tuple[float, float, str]:
    """Run a command: wall seconds, user seconds of it and its children, standard output."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime, time.monotonic()
    paths = [str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=PROJECT, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    return wall, after - before, done.stdout


def main() -> None:
    """Run each way, then print its row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", choices=STUDIES, default="digits")
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--few", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--ways", default=",".join(("auto", "fit", "loops", *WAYS)))
    parser.add_argument("--unmeasured", action="store_true", help="without the probes of health")
    given = parser.parse_args()
    print("| way | trials run | wall s for all | s a trial | CPU s | times the first | |")
    print("|---|---:|---:|---:|---:|---:|---|")
    first: float | None = None
    for way in given.ways.split(","):
        if way in (*WAYS, "loops"):
            row = by_peer(given.study, way, given.few, given.trials)
        else:
            row = by_tuner(given.study, way, given.trials, given.workers, not given.unmeasured)
        first = first or row["wall"]
        numbers = f"{row['ran']} | {row['wall']:.1f} | {row['wall'] / given.trials:.2f} | {row['cpu']:.0f}"
        name = way if way in (*WAYS, "loops") else f"tuner run --engine {way}"
        print(f"| {name} | {numbers} | {row['wall'] / first:.1f} | {row['note']} |", flush=True)


if __name__ == "__main__":
    main()

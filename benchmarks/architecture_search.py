"""How long a search over networks takes: `tuner run` of some checkouts in turn, and a plain loop over `model.fit`.

    python benchmarks/architecture_search.py CHECKOUT ... [--trials 100] [--loop 8] [--rounds 3] [--continuous]

The space: what a study searches by default, three depths, four widths and four rates of dropout (or, with
`--continuous`, any rate), over 2,310 rows of 18 numbers in 7 classes; 15 epochs, random settings, no pruning, two
workers.  Each checkout has its own `.venv`.  The loop is `study.optimize` with SQLite, one process of the last
checkout; its time, without the start, is scaled from `--loop` trials.  CPU is that of all processes, user and system.
Programs are those of all workers, and their share that of the workers' time which made them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

STUDY = """\
model = "models/mlp.py"
[data]
source = "rows.npz"
[search]
loss = "auto"
optimizer = "auto"
learning_rate = "auto"
momentum = "auto"
schedule = "auto"
initializer = "auto"
activation = "auto"
batch_size = "auto"
dropout = {dropout}
[search.model]
layers = [1, 2, 3]
units = [32, 64, 128, 256]
[budget]
epochs = 15
[sampler]
name = "random"
[pruner]
name = "none"
"""
DROPOUT = {False: "[0.0, 0.1, 0.25, 0.5]", True: "{ low = 0.01, high = 0.5 }"}
WORKERS = 2


def write_project(folder: Path, continuous: bool) -> str:
    """Write rows and study into a folder, and return the study."""
    from sklearn.datasets import make_classification

    x, y = make_classification(2310, 18, n_informative=10, n_redundant=4, n_classes=7, class_sep=1.5, random_state=0)
    np.savez(folder / "rows.npz", x=x.astype(np.float32), y=y)
    study = STUDY.replace("{dropout}", DROPOUT[continuous])
    (folder / "architectures.toml").write_text(study, encoding="utf-8")
    return study


def timed(command: list[str], folder: Path) -> tuple[float, float, str]:
    """Run a command: wall seconds, CPU seconds of it and its children, standard output."""
    before, began = os.times(), time.monotonic()
    environment = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "KERAS_BACKEND": "tensorflow",
    }
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    wall, after = time.monotonic() - began, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu, done.stdout


def by_tuner(checkout: Path, folder: Path, trials: int) -> dict[str, float]:
    """Return what the study took, run by a checkout."""
    with tempfile.TemporaryDirectory() as runs:
        command = [str(checkout / ".venv/bin/tuner"), "run", str(folder / "architectures.toml"), "--json"]
        command += ["--trials", str(trials), "--workers", str(WORKERS), "--storage", f"sqlite:///{runs}/tuner.db"]
        wall, cpu, output = timed(command, folder)
    content: dict[str, Any] = json.loads(output)
    if content["counts"]["complete"] + content["counts"]["diverged"] != trials:
        raise RuntimeError(f"not every trial was trained: {content['counts']}")
    made = content["programs"]
    return {"wall": wall, "cpu": cpu, "programs": made["traced"], "share": made["seconds"] / (WORKERS * wall)}


def by_loop(checkout: Path, folder: Path, few: int, trials: int) -> dict[str, float]:
    """Return what a loop would take, scaled from a few trials."""
    command = [str(checkout / ".venv/bin/python"), __file__, "--as-loop", str(folder), "--loop", str(few)]
    wall, cpu, output = timed(command, folder)
    inside = json.loads(output.splitlines()[-1])
    start, scale = wall - inside["wall"], trials / few
    return {"wall": start + scale * inside["wall"], "cpu": cpu - inside["cpu"] + scale * inside["cpu"]}


def run_loop(folder: Path, trials: int) -> None:
    """Train random settings by `model.fit` in this process, and print what it took."""
    import keras  # noqa: F401 – its import is no part of a trial
    import optuna
    import peers

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = (folder / "architectures.toml").read_text(encoding="utf-8")
    question = peers.Question("architectures", None, study, folder)
    began, before = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as runs:
        peers.by_loop(question, trials, 0, "random", Path(runs))
    print(json.dumps({"wall": time.monotonic() - began, "cpu": time.process_time() - before}))


def main() -> None:
    """Run all in turn, then print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkouts", nargs="*", type=Path)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--loop", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--continuous", action="store_true")
    parser.add_argument("--as-loop", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.as_loop:
        run_loop(given.as_loop, given.loop)
        return
    checkouts = [checkout.resolve() for checkout in given.checkouts or [Path(__file__).parents[1]]]
    found: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_project(folder, given.continuous)
        for round_ in range(given.rounds):
            for checkout in checkouts if round_ % 2 == 0 else reversed(checkouts):
                found.setdefault(checkout.name, []).append(by_tuner(checkout, folder, given.trials))
                print(f"round {round_ + 1}, {checkout.name}: {found[checkout.name][-1]}", file=sys.stderr, flush=True)
            if given.loop:
                found.setdefault("loop", []).append(by_loop(checkouts[-1], folder, given.loop, given.trials))
                print(f"round {round_ + 1}, loop: {found['loop'][-1]}", file=sys.stderr, flush=True)
    print("| way | wall s | CPU s | CPU s a trial | programs | share of making them |")
    print("|---|---:|---:|---:|---:|---:|")
    for way, rows in found.items():
        middle = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
        cells = f"{middle['wall']:.1f} | {middle['cpu']:.1f} | {middle['cpu'] / given.trials:.2f}"
        made = f"{middle['programs']:.0f} | {100 * middle['share']:.0f} %" if "programs" in middle else "|"
        print(f"| {way} | {cells} | {made} |")


if __name__ == "__main__":
    main()

"""How long a study takes with each engine, beside a plain Optuna loop over `model.fit`.

    python benchmarks/throughput.py [--trials 100] [--fit-trials 20] [--plain-trials 8] [--workers 2]

The study: digits, the MLP of `models/mlp.py`, random recipes of three losses, six optimizers, five schedules, four
initializers, four activations and three widths; 20 epochs in batches of 32, no pruning.  Each way runs in processes
of its own, one way after the other, so importing TensorFlow is in its time.  `fit` and the plain loop run fewer
trials; the time of the plain loop, without its start, is scaled to `--trials`, and its row says so.  `CPU` is user
time of all processes: on a machine that does other work, compare this.  `--only compiled,plain` leaves ways out.
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
import tomllib
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1]
STUDY = """\
name  = "throughput"
model = "models/mlp.py"
[data]
source = "digits"
[search]
loss = ["categorical_crossentropy", "categorical_focal_crossentropy", "mean_squared_error"]
optimizer = ["sgd", "rmsprop", "adagrad", "adam", "adamw", "nadam"]
learning_rate = { low = 1e-4, high = 1e-1, log = true }
momentum = { low = 0.0, high = 0.99 }
schedule = ["constant", "step", "exponential", "cosine", "one_cycle"]
initializer = ["glorot_uniform", "he_normal", "lecun_normal", "orthogonal"]
activation = ["relu", "elu", "swish", "tanh"]
batch_size = 32
[search.model]
units = [32, 64, 128]
[budget]
epochs = 20
[sampler]
name = "random"
[pruner]
name = "none"
"""
ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}


def by_tuner(engine: str, trials: int, workers: int) -> dict[str, Any]:
    """The study by `tuner run`."""
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "throughput.toml"
        study.write_text(STUDY, encoding="utf-8")
        command = ["-m", "tuner", "run", str(study), "--engine", engine, "--trials", str(trials), "--json"]
        command += ["--workers", str(workers), "--storage", f"sqlite:///{folder}/tuner.db"]
        wall, cpu, output = timed(command)
    content = json.loads(output)
    if content["counts"]["complete"] + content["counts"]["diverged"] != trials:
        raise RuntimeError(f"not every trial was trained: {content['counts']}")
    return {
        "way": f"tuner run --engine {engine}",
        "trials": trials,
        "wall": wall,
        "cpu": cpu,
        "note": f"{workers} workers",
    }


def by_plain_loop(trials: int, scaled: int) -> dict[str, Any]:
    """The same recipes by `study.optimize` over `model.fit`, in one process."""
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu, output = timed([__file__, "--loop", str(trials), "--storage", f"sqlite:///{folder}/plain.db"])
    inside = json.loads(output.splitlines()[-1])
    rest_wall, rest_cpu = wall - inside["wall"], cpu - inside["cpu"]
    return {
        "way": "study.optimize over model.fit",
        "trials": scaled,
        "wall": rest_wall + inside["wall"] * scaled / trials,
        "cpu": rest_cpu + inside["cpu"] * scaled / trials,
        "note": f"1 process; {trials} trials were run",
    }


def timed(command: list[str]) -> tuple[float, float, str]:
    """Run Python with these arguments: wall seconds, user seconds of it and its children, standard output."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime, time.monotonic()
    paths = [str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, env=environment, cwd=PROJECT, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    return wall, after - before, done.stdout


def plain_loop(trials: int, storage: str) -> None:
    """What a person writes without this package: build, compile, fit, report; prints its seconds as JSON."""
    import keras
    import optuna

    from tuner.data import prepare
    from tuner.engines.measure import objective
    from tuner.search import suggest
    from tuner.spec import read_study_dict, recipe_for

    spec = read_study_dict(tomllib.loads(STUDY), PROJECT)
    prepared = prepare(spec.data, PROJECT, spec.seed)
    split, facts = prepared.splits[0], prepared.facts

    def run(trial: optuna.Trial) -> float:
        recipe = recipe_for(spec, suggest(trial, spec.space), trial.number)
        keras.backend.clear_session()
        model = recipe.build(facts.input_shape, facts.outputs, PROJECT)

        class Report(keras.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                trial.report(objective(recipe, split, self.model.predict_on_batch(split.validation.x)), epoch)

        options = recipe.fit_options()
        options["callbacks"].append(Report())
        model.fit(split.train.x, split.train.y, verbose=0, **options)
        return objective(recipe, split, model.predict_on_batch(split.validation.x))

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(storage=storage, direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    began, cpu = time.monotonic(), time.process_time()
    study.optimize(run, n_trials=trials)
    print(json.dumps({"wall": time.monotonic() - began, "cpu": time.process_time() - cpu}))


def main() -> None:
    """Run each way, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--fit-trials", type=int, default=20)
    parser.add_argument("--plain-trials", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="compiled,fit,plain")
    parser.add_argument("--loop", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--storage", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.loop:
        plain_loop(given.loop, given.storage)
        return
    print("| way | trials | wall s | s a trial | CPU s | |")
    print("|---|---:|---:|---:|---:|---|")
    for way in given.only.split(","):
        if way == "plain":
            row = by_plain_loop(given.plain_trials, given.trials)
        else:
            row = by_tuner(way, given.fit_trials if way == "fit" else given.trials, given.workers)
        each = row["wall"] / row["trials"]
        numbers = f"{row['trials']} | {row['wall']:.1f} | {each:.2f} | {row['cpu']:.1f}"
        print(f"| {row['way']} | {numbers} | {row['note']} |", flush=True)


if __name__ == "__main__":
    main()

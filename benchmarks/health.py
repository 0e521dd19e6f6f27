"""What measuring the health of trainings costs, by both engines: CPU seconds with and without, in turn.

    python benchmarks/health.py [--trials 40] [--epochs 20] [--studies digits,dropout,normalized] [--engines fit]

Random recipes of the throughput study, and of the same network with dropout or batch normalisation, whose
probes need programs of their own.  Each recipe is trained with probes and without, by an engine for each, all in one
process of one thread, so tracing is in the numbers and TensorFlow's import is not.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import tomllib

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}
os.environ |= {"TF_ENABLE_ONEDNN_OPTS": "0", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # as in a worker

from peers import PROJECT, STUDIES

_OPTIONS = {"digits": "", "dropout": "dropout = 0.2\n", "normalized": "batch_norm = true\n"}


def costs(name: str, engine: str, trials: int, epochs: int) -> tuple[list[float], list[float], int]:
    """CPU seconds of each trial without and with probes, and how many probes there were."""
    import optuna

    from tuner.data import prepare
    from tuner.engines import ENGINES, run_trial
    from tuner.health import HealthOptions
    from tuner.search import suggest
    from tuner.study import read_study_dict, resolve_recipe
    from tuner.user_code import Reference, load

    text = STUDIES["digits"].replace("[search.model]\n", f"[search.model]\n{_OPTIONS[name]}")
    text = text.replace("epochs = 20", f"epochs = {epochs}")
    spec = read_study_dict({"name": name, **tomllib.loads(text)}, PROJECT)
    prepared = prepare(spec.data, PROJECT, spec.seed)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    ways = [(measure, ENGINES[engine].make()) for measure in (False, True)]
    seconds: dict[bool, list[float]] = {False: [], True: []}
    probes = 0
    for number in range(trials):
        recipe = resolve_recipe(spec, suggest(study.ask(), spec.space), number)
        build = load(PROJECT, Reference.parse(recipe.model.reference, "build"), recipe.model.sha256)
        for measure, made in ways if number % 2 else reversed(ways):
            found = []

            def on_epoch(record, report, found=found):
                found.extend(record.probes)
                return True

            began = time.process_time()
            run_trial(made, recipe, prepared, build, on_epoch, HealthOptions(measure=measure))
            seconds[measure].append(time.process_time() - began)
            probes += len(found)
    return seconds[False], seconds[True], probes


def main() -> None:
    """Measure each study with each engine, then print its row."""
    import optuna

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--studies", default=",".join(_OPTIONS))
    parser.add_argument("--engines", default="compiled,fit")
    given = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print("| engine | study | trials | probes a trial | without, CPU s | with | more | more without what is traced |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for engine in given.engines.split(","):
        for name in given.studies.split(","):
            without, measured, probes = costs(name, engine, given.trials, given.epochs)
            # Programs are mostly traced in the first half, so the median trial of the second half traces nothing.
            half = [statistics.median(part[given.trials // 2 :]) for part in (without, measured)]
            numbers = f"{probes / given.trials:.1f} | {sum(without):.1f} | {sum(measured):.1f}"
            more = f"{sum(measured) / sum(without) - 1:+.1%} | {half[1] / half[0] - 1:+.1%}"
            print(f"| {engine} | {name} | {given.trials} | {numbers} | {more} |", flush=True)


if __name__ == "__main__":
    main()

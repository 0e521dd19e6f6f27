"""TPE that considers only some of the trials: what an ask costs, and whether the best value suffers.

    python benchmarks/window.py [--windows 1000000,1000,500,250]
    python benchmarks/window.py --pruners
    python benchmarks/window.py --quality [--trials 2000] [--seeds 4] [--windows 1000000,1000,500] [--jobs 2]

The first prints CPU milliseconds of one trial (ask and tell, the digits study's space) after this many random ones; the
median of 20.  The second prints those of the decisions of pruners on one trial of 20 epochs.  The third searches two
functions from nothing, each seed with every window, and prints the median over the seeds of the best value: `study` has
12 dimensions as a study has, 3 of them conditional, settings that diverge, and 0 as its least value; `rosenbrock` has 6
numbers.  A window of 1,000,000 is Optuna's own TPE.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import optuna
from coordinator import CONTENT

from tuner.search import PRUNERS, SAMPLERS, Outcome, suggest, tell
from tuner.space import Categorical, Condition, Dimension, Float, Int, Space
from tuner.study import read_study_dict

SIZES = (500, 1_000, 2_000, 5_000, 10_000)
BEST_RATE = {"sgd": -1.0, "rmsprop": -3.2, "adagrad": -1.7, "adam": -2.8, "adamw": -2.6, "nadam": -3.0}
PENALTY = {
    "optimizer": {"sgd": 0.02, "rmsprop": 0.05, "adagrad": 0.08, "adam": 0.01, "adamw": 0.0, "nadam": 0.015},
    "schedule": {"constant": 0.03, "step": 0.015, "exponential": 0.012, "cosine": 0.0, "one_cycle": 0.006},
    "initializer": {"glorot": 0.003, "he": 0.0, "lecun": 0.002, "orthogonal": 0.004},
    "activation": {"relu": 0.004, "elu": 0.002, "swish": 0.0, "tanh": 0.02},
    "loss": {"cross-entropy": 0.0, "focal": 0.003, "squares": 0.03},
}
STUDY = Space(
    [
        *(Dimension(name, Categorical(tuple(choices))) for name, choices in PENALTY.items()),
        Dimension("learning_rate", Float(1e-5, 1.0, log=True)),
        Dimension(
            "momentum", Float(0.0, 0.99), (Condition("optimizer", tuple(o for o in BEST_RATE if o != "adagrad")),)
        ),
        Dimension("nesterov", Categorical((True, False)), (Condition("optimizer", ("sgd",)),)),
        Dimension("weight_decay", Float(1e-6, 1e-1, log=True), (Condition("optimizer", ("adamw",)),)),
        Dimension("units", Int(8, 512, log=True)),
        Dimension("dropout", Float(0.0, 0.6)),
        Dimension("batch_size", Int(16, 256, step=16)),
    ]
)


def study(v: Mapping[str, Any]) -> float | None:
    """A loss with interactions; None where the training diverges."""
    off = math.log10(v["learning_rate"]) - BEST_RATE[v["optimizer"]] - 0.15 * math.log2(v["batch_size"] / 64)
    if off > 1.3:
        return None
    units = math.log2(v["units"])
    return (
        0.15 * off**2
        + 0.3 * (v.get("momentum", 0.5) - 0.88 - 0.05 * off) ** 2
        + (0.0 if v.get("nesterov", True) else 0.004)
        + 0.01 * (math.log10(v.get("weight_decay", 1e-3)) + 2.4) ** 2
        + 0.004 * (units - 7.3) ** 2
        + 0.1 * (v["dropout"] - 0.04 * units) ** 2
        + sum(choices[v[name]] for name, choices in PENALTY.items())
    )


def rosenbrock(v: Mapping[str, Any]) -> float:
    """Its least value is 0, at the end of a bent valley."""
    x = list(v.values())
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:], strict=False))


FUNCTIONS: dict[str, tuple[Space, Callable[[Mapping[str, Any]], float | None]]] = {
    "study": (STUDY, study),
    "rosenbrock": (Space(Dimension(f"x{i}", Float(-2.0, 2.0)) for i in range(6)), rosenbrock),
}


def one_trial(search: optuna.Study, space: Space, function: Callable[[Mapping[str, Any]], float | None]) -> float:
    """Ask and tell; the value, infinite where it diverged."""
    trial = search.ask()
    value = function(suggest(trial, space))
    outcome = Outcome("diverged", reason="diverged") if value is None else Outcome("complete", value)
    tell(search, trial, outcome)
    return math.inf if value is None else value


def best_of(task: tuple[str, int, int, int]) -> tuple[str, int, list[float]]:
    """Search a function; the best value after a half and after all of the trials."""
    name, window, seed, trials = task
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space, function = FUNCTIONS[name]
    search = optuna.create_study(sampler=SAMPLERS["tpe"].build(seed, space, trials, window=window))
    values = [one_trial(search, space, function) for _ in range(trials)]
    return name, window, [min(values[: trials // 2]), min(values)]


def quality(options: argparse.Namespace, windows: list[int]) -> None:
    """The second table."""
    tasks = [(n, w, seed, options.trials) for seed in range(options.seeds) for n in FUNCTIONS for w in windows]
    found: dict[tuple[str, int], list[list[float]]] = {}
    with ProcessPoolExecutor(options.jobs) as pool:
        for name, window, best in pool.map(best_of, tasks):
            found.setdefault((name, window), []).append(best)
    print(f"| function | window | best of {options.trials // 2} | best of {options.trials} | of each seed |")
    print("|---|---:|---:|---:|---|")
    for (name, window), runs in found.items():
        half, full = (statistics.median(run[i] for run in runs) for i in (0, 1))
        each = " ".join(f"{run[1]:.2g}" for run in runs)
        print(f"| {name} | {window:,} | {half:.2g} | {full:.2g} | {each} |")


def cost(windows: list[int]) -> None:
    """The first table."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = read_study_dict(CONTENT, Path(__file__).resolve().parents[1]).space
    search = optuna.create_study(direction="maximize")

    def rising(v: Mapping[str, Any]) -> float:
        return 1.0 / (1.0 + abs(math.log10(v["learning_rate"] / 3e-3))) + 0.01 * math.sin(1e6 * v["learning_rate"])

    print("| window | " + " | ".join(f"{size:,}" for size in SIZES) + " |\n|---:|" + "---:|" * len(SIZES))
    rows: dict[int, list[float]] = {window: [] for window in windows}
    for size in SIZES:
        search.sampler = SAMPLERS["random"].build(size, space, None)
        while len(search.get_trials(deepcopy=False)) < size:
            one_trial(search, space, rising)
        for window in windows:
            search.sampler = SAMPLERS["tpe"].build(0, space, None, window=window)
            times = []
            for _ in range(23):
                began = time.process_time()
                one_trial(search, space, rising)
                times.append(time.process_time() - began)
            rows[window].append(statistics.median(times[3:]) * 1e3)
    for window, row in rows.items():
        print(f"| {window:,} | " + " | ".join(f"{ms:.1f}" for ms in row) + " |")


def pruner_cost(name: str, sizes: tuple[int, ...]) -> list[float]:
    """CPU milliseconds of the decisions of one trial of 20 epochs, with this many finished trials."""
    row, found, draw = PRUNERS[name], [], random.Random(0)
    rungs = row.rungs(20)
    study = optuna.create_study(study_name="s", direction="maximize", pruner=row.build(20))
    for size in sizes:
        times: list[float] = []
        while len(study.get_trials(deepcopy=False)) < size + 20:
            trial, final, decided = study.ask(), draw.random(), 0.0
            last = None
            for step in range(1, 21):
                trial.report(final * step, step)
                if step in rungs:
                    began = time.process_time()
                    ends = trial.should_prune()
                    decided += time.process_time() - began
                    if ends:
                        last = step
                        break
            if last is None:
                times.append(decided)
            study.tell(trial, None if last else final, state=optuna.trial.TrialState.PRUNED if last else None)
        found.append(statistics.median(times[-10:]) * 1e3)
    return found


def pruners() -> None:
    """The table of pruners."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sizes = (1_000, 3_000, 10_000)
    print("| pruner | decisions | " + " | ".join(f"{size:,}" for size in sizes) + " |\n|---|" + "---:|" * 4)
    for name in ("median", "successive_halving", "hyperband"):
        line = " | ".join(f"{ms:.1f}" for ms in pruner_cost(name, sizes))
        print(f"| {name} | {len(PRUNERS[name].rungs(20))} | {line} |", flush=True)


def main() -> None:
    """Print one of the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--pruners", action="store_true")
    parser.add_argument("--trials", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--windows")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    given = options.windows or ("1000000,1000,500" if options.quality else "1000000,1000,500,250")
    windows = [int(text) for text in given.split(",")]
    if options.pruners:
        pruners()
    elif options.quality:
        quality(options, windows)
    else:
        cost(windows)


if __name__ == "__main__":
    main()

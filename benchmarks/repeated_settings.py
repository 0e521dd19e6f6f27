"""What to do when TPE proposes a setting again, and what an ask costs with the index of settings.

    python benchmarks/repeated_settings.py [--seeds 20]

A space of 384 settings with a known best one and noise that belongs to the setting.  "repeat" trains it again; "any"
takes any setting that nobody has asked for, "nearest" the one that `SettingIndex.nearest_unused` gives.  Printed is the
mean distance to the best value after 30, 60 and 100 trials.  Then milliseconds: an ask with a new and a used setting.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable

import optuna

from tuner.search import SAMPLERS, SettingIndex, suggest, to_optuna_params
from tuner.space import Categorical, Dimension, Int, Space, Value

SPACE = Space(
    [
        Dimension("a", Categorical(("p", "q", "r"))),
        Dimension("b", Int(0, 7)),
        Dimension("c", Int(0, 3)),
        Dimension("d", Categorical((0, 1, 2, 3))),
    ]
)
TRIALS = 100


def value_of(values: dict[str, Value], seed: int) -> float:
    """Higher is better; the noise is that of the setting."""
    noise = random.Random(f"{seed} {sorted(values.items())}").gauss(0.0, 0.05)
    distance = abs(values["b"] - 5) * 0.1 + abs(values["c"] - 2) * 0.1  # type: ignore[operator]
    return noise - distance - 0.3 * (values["a"] != "q") - 0.15 * (values["d"] != 2)


def best_so_far(way: str, seed: int) -> list[float]:
    """The best value after each trial."""
    study = optuna.create_study(direction="maximize", sampler=SAMPLERS["tpe"].build(seed, SPACE, TRIALS))
    index, draw, best = SettingIndex(SPACE), random.Random(seed), []
    settings = list(SPACE.enumerate_grid())
    for number in range(TRIALS):
        trial = study.ask()
        values = suggest(trial, SPACE)
        index.update(study.get_trials(deepcopy=False))
        if way != "repeat" and index.is_used(trial.params, trial.number):
            unused = [params for one in settings if not index.is_used(params := to_optuna_params(one, SPACE))]
            near = index.nearest_unused(trial.params, f"{seed} {number}")
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            study.enqueue_trial(draw.choice(unused) if way == "any" else near or {})
            trial = study.ask()
            values = suggest(trial, SPACE)
        study.tell(trial, value_of(values, seed))
        best.append(max([value_of(values, seed), *best[-1:]]))
    return best


def milliseconds(work: Callable[[], object]) -> float:
    """The median time of 200 calls."""
    times = []
    for _ in range(200):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1e3 * statistics.median(times)


def cost(trials: int) -> str:
    """What the index costs with this many trials of twelve dimensions."""
    space = Space(Dimension(f"d{n}", Int(0, 9)) for n in range(12))
    kinds = {f"d{n}": optuna.distributions.IntDistribution(0, 9) for n in range(12)}
    stored = []
    for number in range(trials):
        params = {f"d{n}": number // 10**n % 10 for n in range(12)}
        stored.append(optuna.trial.create_trial(params=params, distributions=kinds, value=0.0))
        stored[-1].number = number
    index, used = SettingIndex(space), stored[0].params
    began = time.perf_counter()
    index.update(stored)
    first = 1e3 * (time.perf_counter() - began)
    new = milliseconds(lambda: (index.update(stored), index.is_used({**used, "d11": 9})))
    again = milliseconds(lambda: (index.update(stored), index.is_used(used), index.nearest_unused(used, "0")))
    return f"{trials} trials: {first:.0f} ms to take them in, {new:.3f} ms a new setting, {again:.3f} ms a used one"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = range(parser.parse_args().seeds)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    top = [max(value_of(values, seed) for values in SPACE.enumerate_grid()) for seed in seeds]
    for way in ("repeat", "any", "nearest"):
        runs = [best_so_far(way, seed) for seed in seeds]
        after = [statistics.mean(t - run[n - 1] for t, run in zip(top, runs, strict=True)) for n in (30, 60, 100)]
        print(way, *(f"{distance:.4f}" for distance in after), flush=True)
    for count in (1_000, 10_000):
        print(cost(count))

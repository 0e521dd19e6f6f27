"""Planted effects: does what is said to have mattered agree with what did?

    python benchmarks/planted_effects.py run FILE.jsonl [--studies 200] [--first 1000] [--jobs 2]    # resumes
    python benchmarks/planted_effects.py table FILE.jsonl [--level 0.03]

A study without any training: eight dimensions, two of them under a condition; 0, 1 or 3 of them have an effect, drawn
for each study, with half of the variance (1 effect) or 30, 25 and 20 % of it (3); the rest is noise. The learning rate
has an interior optimum, which depends on the optimizer if both have an effect, and diverges above; without an effect of
the rate 6 % of the trials diverge by chance. Trials are proposed by `random`, by `tpe`, which draws a quarter of them
at random, or by `tpe` without these, and pruned by `median`, which ends about two thirds of them. A line of the file is
a study after 60 and after 100 trials.

The truth of a share is computed from 3,000 settings drawn evenly from the space, each with its noise: the variance,
over the values of the dimension, of the mean rank, divided by the variance of the ranks. An effect counts as strong
from a fifth of the variance on.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import os
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from tuner.analysis.study_effects import estimate_effects
from tuner.catalog import Objective
from tuner.search import PRUNERS, SAMPLERS, Outcome, suggest, tell, trial_state
from tuner.space import Categorical, Condition, Dimension, Float, Int, Space

CHOICES: dict[str, tuple[Any, ...]] = {
    "optimizer": ("sgd", "adam", "rmsprop"),
    "schedule": ("constant", "cosine", "step", "exponential"),
    "units": (32, 64, 128, 256),
}
SPACE = Space(
    [
        Dimension("optimizer", Categorical(CHOICES["optimizer"])),
        Dimension("learning_rate", Float(1e-5, 1.0, log=True)),
        Dimension("momentum", Float(0.0, 0.99), (Condition("optimizer", ("sgd", "rmsprop")),)),
        Dimension("weight_decay", Float(1e-6, 1e-1, log=True), (Condition("optimizer", ("adam",)),)),
        Dimension("schedule", Categorical(CHOICES["schedule"])),
        Dimension("units", Categorical(CHOICES["units"])),
        Dimension("dropout", Float(0.0, 0.6)),
        Dimension("batch_size", Int(16, 256, step=16)),
    ]
)
NAMES = [dimension.name for dimension in SPACE]
ACTIVE = {"momentum": 2 / 3, "weight_decay": 1 / 3}
SHARES: dict[int, tuple[float, ...]] = {0: (), 1: (0.5,), 3: (0.3, 0.25, 0.2)}
SIZES = (60, 100)
EPOCHS = 9
STRONG = 0.2
PROPOSALS: dict[str, tuple[str, dict[str, Any]]] = {
    "random": ("random", {}),
    "tpe": ("tpe", {}),
    "tpe, none random": ("tpe", {"random_fraction": 0.0}),
}
"""Sampler and its options, by what a line of the file calls them."""
OBJECTIVE = Objective("accuracy", "maximize")


def position(name: str, value: float) -> float:
    """The position of a number in its range, from 0 to 1."""
    match name:
        case "learning_rate":
            return (math.log10(value) + 5) / 5
        case "weight_decay":
            return (math.log10(value) + 6) / 5
        case "momentum":
            return value / 0.99
        case "dropout":
            return value / 0.6
        case _:
            return (value - 16) / 240


class Effects:
    """The effects of one study, and its noise, drawn by its seed."""

    def __init__(self, count: int, seed: int) -> None:
        random = np.random.default_rng([seed, count])
        self.names = [NAMES[index] for index in random.permutation(len(NAMES))[:count]]
        self._tables: dict[str, dict[Any, float]] = {}
        self._curves: dict[str, tuple[bool, float, int, float, float]] = {}
        for name, share in zip(self.names, SHARES[count], strict=True):
            scale = math.sqrt(share / ACTIVE.get(name, 1))
            if name in CHOICES:
                many = len(CHOICES[name])
                values = random.permutation(np.linspace(-1, 1, many)) + random.normal(0, 0.3, many)
                values = scale * (values - values.mean()) / values.std()
                self._tables[name] = dict(zip(CHOICES[name], values, strict=True))
            else:
                optimum = random.uniform(0.35, 0.75)
                linear = name != "learning_rate" and bool(random.random() < 0.5)
                sign = int(random.choice((-1, 1)))
                at = (np.arange(1000) + 0.5) / 1000
                raw = sign * at if linear else -((at - optimum) ** 2)
                self._curves[name] = (linear, optimum, sign, raw.mean(), scale / raw.std())
        self.noise = math.sqrt(1 - sum(SHARES[count])) if count else 1.0
        both = {"optimizer", "learning_rate"} <= set(self.names)
        shifts = random.permutation((-0.12, 0.0, 0.12)) if both else (0.0, 0.0, 0.0)
        self._shift = dict(zip(CHOICES["optimizer"], shifts, strict=True))

    def value(self, setting: Mapping[str, Any]) -> float:
        """The objective without noise."""
        total = sum(table[setting[name]] for name, table in self._tables.items())
        for name, (linear, optimum, sign, mean, scale) in self._curves.items():
            if name in setting:
                best = optimum + (self._shift[setting["optimizer"]] if name == "learning_rate" else 0)
                at = position(name, setting[name])
                total += scale * ((sign * at if linear else -((at - best) ** 2)) - mean)
        return total

    def divergence(self, setting: Mapping[str, Any]) -> float:
        """How probably a trial diverges."""
        if "learning_rate" not in self._curves:
            return 0.06
        return 1 / (1 + math.exp((0.87 - position("learning_rate", setting["learning_rate"])) / 0.02))


def accuracy(value: float) -> float:
    """The objective as the metric that is reported."""
    return 1 / (1 + math.exp(-1.5 - 0.8 * value))


def run_study(effects: Effects, sampler: str, seed: int) -> list[optuna.trial.FrozenTrial]:
    """Run a study of the most trials."""
    random, pruner = np.random.default_rng([seed, len(effects.names), 7]), PRUNERS["median"]
    rungs = pruner.rungs(EPOCHS)
    name, options = PROPOSALS[sampler]
    proposals = SAMPLERS[name].build(31 * seed + len(effects.names), SPACE, max(SIZES), **options)
    study = optuna.create_study(direction="maximize", sampler=proposals, pruner=pruner.build(EPOCHS))
    for _ in range(max(SIZES)):
        trial = study.ask()
        setting = suggest(trial, SPACE)
        if random.random() < effects.divergence(setting):
            tell(study, trial, Outcome("diverged", reason="nan"))
            continue
        value, early = effects.value(setting) + effects.noise * random.normal(), random.normal()
        outcome = Outcome("complete", accuracy(value))
        for epoch in range(1, EPOCHS + 1):
            off = 1.2 * math.log(epoch / EPOCHS) + 0.3 * early * (1 - epoch / EPOCHS)
            off += 0.1 * random.normal() if epoch < EPOCHS else 0
            trial.report(accuracy(value + off), epoch)
            if epoch in rungs and trial.should_prune():
                outcome = Outcome("pruned", reason="median")
                break
        tell(study, trial, outcome)
    return study.get_trials(deepcopy=False)


@functools.cache
def even_settings(many: int) -> list[dict[str, Any]]:
    """Settings drawn evenly from the space."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return [dict(suggest(study.ask(), SPACE)) for _ in range(many)]


def true_shares(effects: Effects, many: int = 3_000) -> dict[str, float]:
    """The share of each dimension in the variance of the ranks of evenly drawn settings."""
    random = np.random.default_rng(0)
    settings = even_settings(many)
    values = np.array([effects.value(one) for one in settings]) + effects.noise * random.normal(size=many)
    values[random.random(many) < [effects.divergence(one) for one in settings]] = -1e9
    ranks = np.searchsorted(np.sort(values), values, "left") + np.searchsorted(np.sort(values), values, "right")
    found = {}
    for name in NAMES:
        active = np.array([name in one for one in settings])
        cells = [_cell(name, one[name]) for one in settings if name in one]
        groups = [ranks[active][[cell == other for other in cells]] for cell in set(cells)]
        means = np.array([group.mean() for group in groups])
        weights = np.array([len(group) for group in groups]) / len(cells)
        between = float(weights @ (means - weights @ means) ** 2)
        by_chance = ranks[active].var() * (len(groups) - 1) / len(cells)
        found[name] = max(0.0, active.mean() * (between - by_chance) / ranks.var())
    return found


def _cell(name: str, value: Any) -> Any:
    return value if name in CHOICES else min(15, int(16 * position(name, value)))


def simulate(count: int, sampler: str, seed: int) -> dict[str, Any]:
    """Run one study, and say what is found in it after each number of trials."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    effects = Effects(count, seed)
    trials = run_study(effects, sampler, seed)
    truth = true_shares(effects) if count else dict.fromkeys(NAMES, 0.0)
    found = {}
    for size in SIZES:
        some = trials[:size]
        states = [trial_state(trial)[0] for trial in some]
        measured = estimate_effects(some, states, OBJECTIVE).effects
        found[str(size)] = {
            name: [round(number, 3) for number in (one.p, one.share, one.low, one.high)]
            for name, one in measured.items()
        }
    real = {name: round(truth[name], 3) for name in effects.names}
    return {"effects": count, "sampler": sampler, "seed": seed, "real": real, "found": found}


def run(file: Path, seeds: Iterable[int], jobs: int) -> None:
    """Simulate what the file does not hold yet."""
    os.environ["OMP_NUM_THREADS"] = "1"
    done = {(one["effects"], one["sampler"], one["seed"]) for one in read(file)}
    tasks = [(count, sampler, seed) for seed in seeds for sampler in PROPOSALS for count in SHARES]
    with ProcessPoolExecutor(jobs) as pool, file.open("a") as lines:
        for future in as_completed([pool.submit(simulate, *task) for task in tasks if task not in done]):
            lines.write(json.dumps(future.result(), separators=(",", ":")) + "\n")
            lines.flush()


def read(file: Path) -> list[dict[str, Any]]:
    """The studies so far; a line that was cut off is left out."""
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def table(studies: Iterable[Mapping[str, Any]], level: float) -> None:
    """Print errors, power and coverage."""
    groups = defaultdict(list)
    for study in studies:
        for size in SIZES:
            groups[study["effects"], study["sampler"], size].append((study["real"], study["found"][str(size)]))
    print("| effects | proposals | trials | studies | false alarm | strong found | in interval | of the real ones |")
    print("|---:|---|---:|---:|---:|---:|---:|---:|")
    for (count, sampler, size), group in sorted(groups.items()):
        alarms = [any(found[name][0] < level for name in found if name not in real) for real, found in group]
        strong = [found[name][0] < level for real, found in group for name in real if real[name] >= STRONG]
        held = [
            (name in real, low - 0.0005 <= real.get(name, 0.0) <= high + 0.0005)
            for real, found in group
            for name, (_, _, low, high) in found.items()
        ]
        shown = (alarms, strong, [inside for _, inside in held], [inside for is_real, inside in held if is_real])
        cells = " | ".join(f"{100 * np.mean(one):.1f} %" if one else "–" for one in shown)
        print(f"| {count} | {sampler} | {size} | {len(group)} | {cells} |")


def main() -> None:
    """Run or print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=("run", "table"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--first", type=int, default=1000, help="the first seed; the method was chosen on 0 to 199")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--level", type=float, default=0.03)
    options = parser.parse_args()
    if options.command == "run":
        run(options.file, range(options.first, options.first + options.studies), options.jobs)
    table(read(options.file), options.level)


if __name__ == "__main__":
    main()

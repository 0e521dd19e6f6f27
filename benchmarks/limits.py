"""Studies with a limit: how many trials are over it, and what these cost.

    python benchmarks/limits.py [--seeds 3] [--trials 100]
    python benchmarks/limits.py --mock --samplers tpe,nsga2,cmaes,random

Multilayer perceptrons (a range of units, 1 to 4 layers) and convolutional networks (lists of filters, a range of units)
on `digits`, each with a limit of the weights that about half of their space exceeds.  "told" is TPE with the violated
constraint alone, "predicted" draws settings again whose network is predicted to be over it, as studies do.  One worker
process; printed are medians and the worst of the seeds.  First the wall and CPU time to refuse a network by each
engine, every one of them new; the wall time counts what else runs on the machine.

With --mock nothing is trained: the study of `tests/runner/test_trials_over_a_limit.py`, whose trainer computes the size
of the network and a curve, with two limits of the weights.  "gp" needs torch.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

import optuna

import tuner
from tuner.engines import ENGINES, NetworkLimits, TrainingTask
from tuner.engines.network_limits import NetworkLimitError
from tuner.search import NetworkCostModel, suggest
from tuner.storage import open_database
from tuner.study import read_study_dict, resolve_recipe
from tuner.user_code import load

SHARED: dict[str, Any] = {
    "objective": {"metric": "accuracy"},
    "workers": 1,
    "pruner": {"name": "none"},
}
SEARCH: dict[str, Any] = {
    "optimizer": ["sgd", "adam", "nadam"],
    "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "schedule": ["constant", "cosine"],
    "activation": ["relu", "swish", "tanh"],
}
STUDIES: dict[str, dict[str, Any]] = {
    "mlp": {
        "model": "models/mlp.py",
        "data": {"source": "digits"},
        "search": {
            **SEARCH,
            "model": {
                "units": {"low": 16, "high": 512, "log": True},
                "layers": {"low": 1, "high": 4},
                "batch_norm": [True, False],
            },
        },
        "limits": {"weights": 20_000},
    },
    "cnn": {
        "model": "models/cnn.py",
        "data": {"source": "digits", "shape": [8, 8, 1], "scale": "minmax"},
        "search": {
            **SEARCH,
            "model": {
                "filters": [[8], [16], [32], [8, 16], [16, 32], [32, 64]],
                "dense": {"low": 16, "high": 256, "log": True},
            },
        },
        "limits": {"weights": 30_000},
    },
}


def run(name: str, sampler: str, seed: int, trials: int, predicted: bool) -> list[dict[str, Any]]:
    """Run a study, and return the rows of its trials."""
    content = {**SHARED, **STUDIES[name], "name": name, "seed": seed, "budget": {"trials": trials, "epochs": 3}}
    content["sampler"] = {"name": sampler}
    with tempfile.TemporaryDirectory() as folder:
        storage = f"sqlite:///{Path(folder) / 'tuner.db'}"
        if predicted:
            return list(tuner.run(content, storage=storage).summary()["trials"])
        with mock.patch.object(NetworkCostModel, "exceeds", return_value=False):
            return list(tuner.run(content, storage=storage).summary()["trials"])


def refusal_s(name: str, engine_name: str, networks: int = 40) -> tuple[list[float], list[float]]:
    """Return the wall and CPU seconds of refusing each of some networks; the first one, which imports, is left out."""
    spec = read_study_dict({**SHARED, **STUDIES[name], "name": name, "budget": {"epochs": 3}}, Path.cwd())
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    engine, build = ENGINES[engine_name].make(), load(spec.project, spec.model)
    assert spec.prepared is not None
    gc.collect()
    gc.freeze()  # as workers do: a collection would scan all of TensorFlow
    walls, times = [], []
    for number in range(networks + 1):
        recipe = resolve_recipe(spec, suggest(study.ask(), spec.space), number)
        task = TrainingTask(recipe, spec.prepared.splits[0], spec.facts, build, limits=NetworkLimits(weights=1))
        began, began_wall = time.process_time(), time.monotonic()
        try:
            engine.train(task, lambda record: True)
        except NetworkLimitError:
            times.append(time.process_time() - began)
            walls.append(time.monotonic() - began_wall)
    return walls[1:], times[1:]


def mock_shares(sampler: str, seed: int, weights: int) -> tuple[float, float]:
    """Return the share of trials 1 to 30, and of trials 31 to 100, that are over a limit; nothing is trained."""
    sys.path += [str(Path(__file__).parents[1] / "tests" / part) for part in (".", "runner")]
    from test_trials_over_a_limit import run as run_mock

    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/tuner.db", create=True)
        found = run_mock(Path(folder), database, sampler={"name": sampler}, seed=seed, limits={"weights": weights})
        database.close()
    over = [row["violation"] is not None for row in found["trials"]]
    return sum(over[:30]) / 30, sum(over[30:]) / len(over[30:])


def main() -> None:
    """Print a row for each study and way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--samplers", default="tpe")
    parser.add_argument("--ways", default="told,predicted")
    parser.add_argument("--mock", action="store_true", help="train nothing")
    arguments = parser.parse_args()
    if arguments.mock:
        for sampler in arguments.samplers.split(","):
            shares = [mock_shares(sampler, seed, most) for most in (10_000, 3_000) for seed in range(arguments.seeds)]
            first, later = zip(*shares, strict=True)
            print(
                f"{sampler}: over the limit {statistics.mean(first):.0%} of trials 1 to 30, "
                f"{statistics.mean(later):.1%} of the later ones (worst {max(later):.1%})",
                flush=True,
            )
        return
    for name in STUDIES:
        for engine in ("compiled", "fit"):
            found = zip(("wall", "CPU"), refusal_s(name, engine), strict=True)
            text = ", ".join(f"{kind} {statistics.median(s):.3f} s, at most {max(s):.3f} s" for kind, s in found)
            print(f"{name}, {engine}: {text} to refuse", flush=True)
    for name, sampler in itertools.product(STUDIES, arguments.samplers.split(",")):
        for way in arguments.ways.split(","):
            first, later, times, epochs, best = [], [], [], 0, []
            for seed in range(arguments.seeds):
                rows = run(name, sampler, seed, arguments.trials, way == "predicted")
                over = [row["violation"] is not None for row in rows]
                first.append(sum(over[:30]) / 30)
                later.append(sum(over[30:]) / len(over[30:]))
                times += [row["duration_s"] for row, high in zip(rows, over, strict=True) if high]
                epochs += sum(row["epochs"] for row, high in zip(rows, over, strict=True) if high)
                best.append(max(row["value"] or 0.0 for row in rows))
            print(
                f"{name}, {sampler}, {way}: over the limit {statistics.mean(first):.0%} of trials 1 to 30, "
                f"{statistics.mean(later):.1%} of the later ones (worst {max(later):.1%}); {len(times)} over it, with "
                f"{epochs} epochs, median {statistics.median(times):.3f} s, longest {max(times):.3f} s; best "
                f"{statistics.mean(best):.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()

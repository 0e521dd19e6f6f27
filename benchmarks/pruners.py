"""What pruners save and what they lose, on real learning curves.

    tuner run studies/digits.toml --fork curves …        (sampler random, pruner none, 150 trials; see README)
    python benchmarks/pruners.py sqlite:///runs/tuner.db curves [--trials 40] [--draws 200]

Draws orders of trials from the complete curves of a study and replays them under each pruner, one after the other.
Prints for each: the epochs it trains, how often it ends the best trial of the draw, and what the best value
that is left loses against it.
"""

from __future__ import annotations

import argparse
import statistics
import warnings

import numpy as np
import optuna

from tuner.search import PRUNERS
from tuner.storage import open_database, read_study_record

CASES = [
    ("none", {}),
    ("hyperband", {}),
    ("successive_halving", {}),
    ("median", {}),
    ("median", {"n_warmup_steps": 2}),
    ("median", {"n_warmup_steps": 5}),
    ("percentile", {}),
    ("percentile", {"n_warmup_steps": 5}),
    ("patient", {}),
]


def replay(curves: np.ndarray, name: str, options: dict[str, object]) -> tuple[int, float]:
    """Epochs trained and the best complete value, for curves `(trials, epochs)` of a metric that is maximised."""
    steps = curves.shape[1]
    row = PRUNERS[name]
    rungs = set(row.rungs(steps, **options))
    study = optuna.create_study(direction="maximize", pruner=row.build(steps, **options))
    trained, best = 0, 0.0
    for curve in curves:
        trial = study.ask()
        for step, value in enumerate(curve, start=1):
            trained += 1
            trial.report(float(value), step)
            if step in rungs and trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, float(curve[-1]))
            best = max(best, float(curve[-1]))
    return trained, best


def main() -> None:
    """Replay and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("storage")
    parser.add_argument("study")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--draws", type=int, default=200)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    record = read_study_record(open_database(options.storage, create=False), options.study)
    complete = [trial for trial in record.trials if trial.state.name == "COMPLETE"]
    curves = np.array([[value for _, value in sorted(trial.intermediate_values.items())] for trial in complete])
    print(f"{len(curves)} curves of {curves.shape[1]} epochs; {options.draws} draws of {options.trials} trials")
    print("| pruner | epochs trained | best trial ended | mean loss of the best value | in the worst tenth |")
    print("|---|---|---|---|---|")
    for name, given in CASES:
        random = np.random.default_rng(0)
        trained, lost, losses = [], 0, []
        for _ in range(options.draws):
            drawn = curves[random.choice(len(curves), options.trials, replace=False)]
            epochs, best = replay(drawn, name, given)
            trained.append(epochs)
            losses.append(float(drawn[:, -1].max()) - best)
            lost += losses[-1] > 0
        text = " ".join([name, *(f"{key}={value}" for key, value in given.items())])
        share = statistics.mean(trained) / curves[0].size / options.trials
        print(
            f"| {text} | {share:.0%} | "
            f"{lost / options.draws:.0%} | {statistics.mean(losses):.4f} | {np.quantile(losses, 0.9):.4f} |"
        )


if __name__ == "__main__":
    main()

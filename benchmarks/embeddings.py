"""Models with embeddings: CPU seconds a trial of `compiled`, of `fit`, and of a plain loop over `model.fit`.

    python benchmarks/embeddings.py

Two models, each with Adam at one rate after the other: `categories` looks up 8 columns of up to 1,000 categories in
tables of 8 numbers, `words` the mean of 100 words of 5,000 in a table of 32.  The rows are drawn.  The first trial of
each, which traces, is printed by itself; of the others the median.  One thread.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from tuner.catalog import LOSSES, OPTIMIZERS, Choice, ModelChoice, Recipe, Task, build_model, compile_model
from tuner.data import DataFacts, Split, Subset
from tuner.engines import ENGINES, TrainingTask

ROWS, VALIDATION, CLASSES, EPOCHS, TRIALS = 4_000, 1_000, 4, 5, 6
SIZES = (3, 5, 10, 20, 50, 100, 300, 1_000)
WORDS, LENGTH = 5_000, 100


def categories(inputs: tuple[int, ...], outputs: int, *, activation: str, initializer: Any) -> keras.Model:
    """A table for each column, and a hidden layer."""
    rows = keras.Input(inputs)
    found = [keras.layers.Embedding(size, 8)(rows[:, place]) for place, size in enumerate(SIZES)]
    hidden = keras.layers.Dense(32, activation, kernel_initializer=initializer)(keras.layers.Concatenate()(found))
    return keras.Model(rows, keras.layers.Dense(outputs)(hidden))


def words(inputs: tuple[int, ...], outputs: int, *, activation: str, initializer: Any) -> keras.Model:
    """The mean of the words, and a hidden layer."""
    rows = keras.Input(inputs)
    mean = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(WORDS, 32)(rows))
    hidden = keras.layers.Dense(32, activation, kernel_initializer=initializer)(mean)
    return keras.Model(rows, keras.layers.Dense(outputs)(hidden))


def drawn(build: Callable[..., keras.Model]) -> tuple[Split, DataFacts]:
    """Rows that the model can look up, with classes that one of their numbers tells."""
    random = np.random.default_rng(0)
    sizes = np.array(SIZES) if build is categories else np.full(LENGTH, WORDS)
    x = (random.random((ROWS + VALIDATION, len(sizes))) ** 2 * sizes).astype(np.int64).astype(np.float32)
    y = np.eye(CLASSES, dtype=np.float32)[(x[:, -1].astype(int) * 7 // 3) % CLASSES]
    parts = Subset(x[:ROWS], y[:ROWS], None), Subset(x[ROWS:], y[ROWS:], None)
    rows = {"train": ROWS, "validation": VALIDATION, "test": 0}
    facts = DataFacts(Task.MULTICLASS, x.shape[1:], CLASSES, (), (), rows, (), "")
    return Split(*parts, np.zeros(CLASSES), np.ones(CLASSES)), facts


def recipe(build: Callable[..., keras.Model], number: int) -> Recipe:
    """Recipe of a trial: each has another rate."""
    loss = "categorical_crossentropy"
    return Recipe(
        task=Task.MULTICLASS,
        model=ModelChoice(reference=f"embeddings.py:{build.__name__}", sha256=build.__name__),
        head=LOSSES[loss].heads[Task.MULTICLASS],
        loss=Choice(name=loss, options=LOSSES[loss].defaults()),
        optimizer=Choice(name="adam", options=OPTIMIZERS["adam"].defaults()),
        learning_rate=1e-3 * 1.5**number,
        momentum=0.9,
        activation="relu",
        batch_size=32,
        epochs=EPOCHS,
        metric="accuracy",
        seed=number,
    )


def by_loop(build: Callable[..., keras.Model], split: Split, facts: DataFacts) -> Callable[[Recipe], None]:
    """Return what trains a recipe as a plain loop does."""

    def train(given: Recipe) -> None:
        keras.backend.clear_session()
        model = build_model(given, facts.input_shape, facts.outputs, build)
        compile_model(model, given)
        rows = (split.validation.x, split.validation.y)
        model.fit(split.train.x, split.train.y, batch_size=32, epochs=EPOCHS, validation_data=rows, verbose=0)

    return train


def by_engine(name: str, build: Callable[..., keras.Model], split: Split, facts: DataFacts) -> Callable[[Recipe], None]:
    """Return what trains a recipe by an engine."""
    engine = ENGINES[name].make()
    return lambda given: engine.train(TrainingTask(given, split, facts, build), lambda record: True) and None


def main() -> None:
    """Print a line for each model and way."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for build in (categories, words):
        split, facts = drawn(build)
        ways = {name: by_engine(name, build, split, facts) for name in ("compiled", "fit")}
        seconds: dict[str, list[float]] = {}
        for name, train in {**ways, "loop": by_loop(build, split, facts)}.items():
            for number in range(TRIALS):
                began = time.process_time()
                train(recipe(build, number))
                seconds.setdefault(name, []).append(time.process_time() - began)
        loop = median(seconds["loop"][1:])
        for name, (first, *others) in seconds.items():
            ratio = f"{loop / median(others):.1f} times the loop" if name != "loop" else ""
            print(f"{build.__name__:10} {name:9} first {first:6.2f}  others {median(others):6.2f}  {ratio}")


if __name__ == "__main__":
    main()

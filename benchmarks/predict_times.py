"""What it costs to measure the time to predict of each trial, by both engines: CPU seconds with and without, in turn.

    python benchmarks/predict_times.py [--trials 60] [--engines compiled,fit] [--studies digits,mlp,cnn]

Random recipes of studies/digits.toml, and of the spaces of `limits.py` with a range of widths, so that nearly every
network is another one; 20 epochs, on the rows of the first split, without pruning.  Each recipe is trained
timed and untimed, by an engine for each, all in one process of one thread.  "paired" is the difference of the sums;
"inside" is the CPU time of the measurement itself, which a busy machine disturbs less.  Last, by how much one call of
Keras's `predict_on_batch` with one row takes longer.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import time
from unittest import mock

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}
os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # as in a worker

from limits import SHARED, STUDIES
from peers import PROJECT


def costs(name: str, engine: str, trials: int) -> None:
    """Print what the trials of a study cost."""
    import optuna

    from tuner.engines import ENGINES, TrainingTask
    from tuner.engines.predict_times import PredictTimer, PredictTimes, median_times_ms
    from tuner.search import suggest
    from tuner.study import read_study, read_study_dict, resolve_recipe
    from tuner.user_code import load

    if name in STUDIES:
        content = {**SHARED, **STUDIES[name], "limits": {}, "name": name, "budget": {"epochs": 20}}
        spec = read_study_dict(content, PROJECT)
    else:
        spec = read_study(PROJECT / "studies" / f"{name}.toml")
    assert spec.prepared is not None
    split, build = spec.prepared.splits[0], load(spec.project, spec.model)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    ways = [(timed, ENGINES[engine].make()) for timed in (False, True)]
    seconds: dict[bool, list[float]] = {False: [], True: []}
    inside: list[float] = []
    original = PredictTimer.time

    def timed_time(self: PredictTimer, *given: object) -> PredictTimes:
        began = time.process_time()
        found = original(self, *given)  # type: ignore[arg-type]
        inside.append(time.process_time() - began)
        return found

    differences: list[float] = []
    gc.collect()
    gc.freeze()  # as workers do
    with mock.patch.object(PredictTimer, "time", timed_time):
        for number in range(trials):
            recipe = resolve_recipe(spec, suggest(study.ask(), spec.space), number)
            for timed, made in ways if number % 2 else reversed(ways):
                task = TrainingTask(recipe, split, spec.facts, build, is_timed=timed)
                began = time.process_time()
                made.train(task, lambda record: True)
                seconds[timed].append(time.process_time() - began)
                if timed and number % 10 == 9:
                    ours, model = made.predict_times, made.trained_model()
                    keras_one, _ = median_times_ms(model.predict_on_batch, split.validation.x)
                    assert ours is not None
                    differences.append(keras_one - ours.one_row_ms)
    without, with_times = sum(seconds[False]), sum(seconds[True])
    half = trials // 2
    print(
        f"{name}, {engine}: {without / trials:.3f} s a trial; paired {with_times / without - 1:+.1%}, inside "
        f"{sum(inside) / without:.2%} (later half {sum(inside[half:]) / sum(seconds[False][half:]):.2%}), "
        f"{statistics.median(inside) * 1e3:.1f} ms in the median, {max(inside) * 1e3:.0f} at most; predict_on_batch "
        f"takes {statistics.median(differences):.2f} ms more for one row",
        flush=True,
    )


def main() -> None:
    """Print a line for each study and engine."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--engines", default="compiled,fit")
    parser.add_argument("--studies", default="digits,mlp,cnn")
    given = parser.parse_args()
    for name in given.studies.split(","):
        for engine in given.engines.split(","):
            costs(name, engine, given.trials if engine == "compiled" else max(10, given.trials // 4))


if __name__ == "__main__":
    main()

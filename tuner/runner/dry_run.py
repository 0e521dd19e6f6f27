"""Train the first setting of a study for two epochs, to see that it trains, with which engine, and how fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tuner.protocol import Executor, Job
from tuner.runner.job_list_runner import run_jobs
from tuner.runner.random_setting import draw_setting
from tuner.runner.rate_ranges import ADVICE, RateRange, find_rate_ranges, ramps_pay
from tuner.runner.shutdown import ShutdownSignal
from tuner.search import initial_points, to_optuna_params
from tuner.study import StudySpec, resolve_recipe, trained_advice

_EPOCHS = 2
"""Programs are traced in the first one; the second one is like all others."""


@dataclass(frozen=True)
class DryRun:
    """Result of a training with the first setting.

    Attributes:
        params: The setting, without what is fixed.
        engine: Row of the table of engines that trained it.
        fallback_reason: Why `auto` trained with `model.fit`, or None if it did not.
        reason: Why it was ended early, or None if it was not.
        over_limit: Whether it was not trained, as its network is over one of `[limits]`.
        epoch_s: Wall time of an epoch, evaluation included.
        setup_s: One-time cost in seconds: building the model, tracing programs.
        study_s: Estimate of the study in the study's workers, with nothing ended early; None if its number of trials
            has no limit.
        warnings: Warnings about the model, and of a score that cannot be beaten, one sentence each.
        rates: The rates at which each optimizer of the study learns, from a short ramp; empty if the setting was ended
            early, or the ramps would take longer than two minutes.
    """

    params: dict[str, Any]
    engine: str
    fallback_reason: str | None
    reason: str | None
    over_limit: bool
    epoch_s: float
    setup_s: float
    study_s: float | None
    warnings: list[str]
    rates: list[RateRange]


def dry_run(spec: StudySpec, executor: Executor, workers: int) -> DryRun:
    """Train the first setting of a study for two epochs, and a ramp of the rate with each optimizer; nothing is kept.

    Args:
        spec: The study.
        executor: Trains it; is started and closed here.
        workers: Worker processes of the study.

    Raises:
        StudyFailedError: It cannot be trained.
        WorkerError: No worker can be started.
    """
    points = [to_optuna_params(point, spec.space) for point in spec.own_points]
    points = points or initial_points(spec.space, spec.facts.task)
    values = draw_setting(spec, points[0] if points else {})
    recipe = resolve_recipe(spec, values, 0)
    recipe = recipe.model_copy(update={"epochs": min(_EPOCHS, recipe.epochs)})
    seconds: list[float] = []
    warnings: list[str] = []
    try:
        executor.start()
        with ShutdownSignal() as shutdown:
            ended = run_jobs(
                executor,
                [Job(0, recipe.to_json())],
                shutdown,
                on_epoch=lambda event: seconds.append(event.record.seconds),
                on_warning=warnings.append,
                advice=ADVICE,
            )[0]
            epoch_s = min(seconds, default=0.0)
            perfect = trained_advice(spec.metric, spec.facts.task, ended.training.value, recipe.epochs)
            if perfect is not None and not spec.facts.linearly_separable:  # else the advice on the data says so
                warnings.append(perfect)
            rates: list[RateRange] = []
            if ended.training.reason is None and ramps_pay(spec, recipe, epoch_s):
                rates = find_rate_ranges(spec, executor, shutdown)
    finally:
        executor.close()
    trials = spec.budget.trials
    trial_s = epoch_s * spec.length.epochs * spec.trainings
    return DryRun(
        params={
            dimension.name: values[dimension.name] for dimension in spec.space.searched if dimension.name in values
        },
        engine=ended.engine or spec.engine,
        fallback_reason=ended.fallback_reason,
        reason=ended.training.reason,
        over_limit=ended.training.violation is not None,
        epoch_s=epoch_s,
        setup_s=max(0.0, ended.seconds - len(seconds) * epoch_s),
        study_s=None if trials is None else trial_s * trials / workers,
        warnings=list(dict.fromkeys(warnings)),
        rates=rates,
    )

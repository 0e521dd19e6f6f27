"""From a study to a model: train the leaders again, choose, look at the test part once, save."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tuner.catalog import Recipe, TrialState, add_named_user_entries
from tuner.data import PreparedData
from tuner.export import find_seed, prepare_for_export
from tuner.output_files import check_output, publish
from tuner.protocol import Executor, Job, JobFinished, ModelCost, WorkerConfig
from tuner.refit.baseline import Constant, best_constant
from tuner.refit.conclusion import against_baseline, explain, has_winner, verdict
from tuner.refit.final_fit_and_test import FinalFit, expected_on_test, fit_final, record_test_use
from tuner.refit.finalists import Leader, leaders
from tuner.refit.handover_candidates import Contender, find_contenders, select_contender
from tuner.refit.handover_limits import within_limits
from tuner.refit.model_table import (
    ControlFit,
    control_jobs,
    control_rows,
    control_text,
    good_controls,
    network_row,
    read_controls,
)
from tuner.refit.refit_options import TOP, RefitOptions
from tuner.refit.refit_result import Baseline, CandidateRow, HandedOver, RefitResult
from tuner.refit.refit_session import RefitProgress, RefitSession
from tuner.refit.score_uncertainty import Answers, Measure, validation_measure
from tuner.refit.selection import Candidate, evaluate, leaders_text, p_above, p_against, select
from tuner.results import StoredStudy, check_data_code, check_model_code
from tuner.runner import Progress, ShutdownSignal
from tuner.serving import ModelMetadata, write_about
from tuner.storage import REFIT_RESULT, DashboardFinder
from tuner.study import read_execution

_INTERRUPTED = "interrupted, and no model was saved: run it again, it starts over"


@dataclass(frozen=True)
class Revalidation:
    """What was trained again.

    Attributes:
        candidates: The leaders, in the order of the search.
        costs: Trial → cost of one network, and mean time to train it.
        controls: The controls.
    """

    candidates: list[Candidate]
    costs: Mapping[int, tuple[ModelCost | None, float]]
    controls: list[ControlFit]

    def row(self, one: Candidate, p: float | None, measure: Measure) -> CandidateRow:
        """Return the row of a leader."""
        optimism = None if one.mean is None else measure.objective.gain(one.leader.value, one.mean)
        return CandidateRow(one, p, optimism, *self.costs[one.leader.trial])


def refit_leaders(
    study: StoredStudy,
    project: Path,
    request: RefitOptions,
    executor_of: Callable[[WorkerConfig, PreparedData, int], Executor],
    show: Callable[[Progress], None] = lambda standing: None,
) -> RefitResult:
    """Train the leading recipes again, choose one, score the test part once and save the model.

    Args:
        study: The study.
        project: Folder that the model file and the data are relative to.
        request: What is asked for.
        executor_of: Gives the executor for a workplace, the rows and the number of trainings.
        show: Called with the standing whenever it changed.

    Raises:
        UsageError: The file cannot be written, no trial is complete, or model or data have changed.
        CodeError: Only the database names the model file or the data function.
        StudyFailedError: A training failed, or too many of them diverged.
        KeyboardInterrupt: Interrupted; nothing was written.
    """
    check_output(request.file, (".keras",), request.force)
    found = leaders(study, request.top or TOP, request.trials or ())
    recipe = found[0].recipe
    check_model_code(recipe, project, request.code)
    check_data_code(recipe, project, request.code)
    for one in found:
        add_named_user_entries(project, one.recipe, request.code)
    prepared = prepare_for_export(study, recipe, project)
    seed = find_seed(study) if request.seed is None else request.seed
    executor = executor_of(_worker_config(study, recipe, prepared, project), prepared, request.seeds * len(found))
    dashboard = DashboardFinder(study.database.url)
    progress = RefitProgress(recipe.metric, request.seeds * (len(found) + 1), executor, dashboard, show)
    with tempfile.TemporaryDirectory(prefix="tuner-train-") as folder, ShutdownSignal() as interrupts:
        done = False
        try:
            executor.start()
            work = RefitSession(
                study, project, prepared, executor, interrupts, Path(folder), progress, request.seeds, seed
            )
            trained = _train(work, found, request)
            done = True
            return trained
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_INTERRUPTED) from None
        finally:
            executor.close(at_once=not done)


def _train(work: RefitSession, found: list[Leader], request: RefitOptions) -> RefitResult:
    measure = validation_measure(work.prepared, found[0].recipe)
    again = _again(work, found, measure)
    chosen = select(again.candidates, measure.objective)
    others = [one for one in again.candidates if one is not chosen]
    ps = p_against(chosen, others, measure)
    constant = best_constant(measure, work.prepared.splits, work.prepared.facts.classes)
    by_trial = dict(zip((one.leader.trial for one in others), ps, strict=True))
    trained = RefitResult(
        study=work.study.record.name,
        metric=measure.metric,
        direction=work.study.record.direction,
        verdict="none",
        file=None,
        seeds=work.seeds,
        seed=work.seed,
        rows={"train": None, "validation": measure.rows, "test": work.prepared.facts.rows["test"]},
        recipes=tuple(again.row(one, by_trial.get(one.leader.trial), measure) for one in again.candidates),
        chosen=chosen.leader.trial,
        leaders=leaders_text(chosen, others, ps, work.seeds),
        baseline=_baseline(work, chosen, constant, measure, request),
    )
    contenders = find_contenders(again.candidates, chosen, measure)
    limits = read_execution(work.study.record.attrs.info.source, trained.study).network_limits
    allowed, dear = within_limits(contenders, work.study, limits, len(chosen.complete))
    handed = select_contender(allowed, measure, single=request.single)
    trained = _compared(trained, again, contenders, handed, constant.answers(measure), measure)
    if has_winner(trained.baseline) or request.save_anyway:
        trained = _finish(work, trained, {one.leader.trial: one for one in again.candidates}, handed, measure, request)
    trained = replace(trained, meaning=(*explain(trained), *dear))
    work.study.database.set_study_attr(work.study.record.study_id, REFIT_RESULT, trained.to_json())
    return trained


def _again(work: RefitSession, found: list[Leader], measure: Measure) -> Revalidation:
    """Train each leader again with each seed, and the controls.

    The recipe of a leader then ends after the median of the epochs that they selected: with all rows there are none to
    select by.
    """
    jobs = [
        Job(rank * work.seeds + index, work.seeded(leader.recipe, index).to_json(), (), "revalidate", str(work.folder))
        for index in range(work.seeds)  # seed after seed, so that each leader is tried early
        for rank, leader in enumerate(found)
    ]
    controls, failures = control_jobs(work, found[0]), dict[int, str]()
    work.progress.add(len(controls))
    work.progress.show()

    def tolerate(number: int, reason: str) -> bool:
        failures[number] = reason
        return any(job.number == number for job in controls)

    count = work.seeds * len(found)
    ended = work.run(
        [*controls, *jobs], lambda number: found[number // work.seeds].trial if number < count else None, tolerate
    )
    candidates, costs = [], {}
    for rank, leader in enumerate(found):
        events = {n: ended[n] for n in range(rank * work.seeds, (rank + 1) * work.seeds)}
        answers = [work.answers(n, event.training, work.prepared.splits, leader.recipe) for n, event in events.items()]
        epochs = [epoch for event in events.values() for epoch in event.training.epochs]
        ending = replace(leader, recipe=leader.recipe.end_after(epochs)) if epochs else leader
        candidates.append(evaluate(ending, answers, measure))
        costs[leader.trial] = _cost(work, events)
    seconds = {number: event.seconds for number, event in ended.items()}
    return Revalidation(candidates, costs, read_controls(work, seconds, failures))


def _compared(
    trained: RefitResult,
    again: Revalidation,
    contenders: Sequence[Contender],
    handed: Contender,
    constant: Answers,
    measure: Measure,
) -> RefitResult:
    """Add the table of models, and whether a control is as good."""
    seeds = len(trained.winner.candidate.complete)
    rows = control_rows(trained.baseline, constant, again.controls, handed, measure)
    good = good_controls(rows, again.controls, constant, measure, has_winner=has_winner(trained.baseline))
    costs = {row.candidate.leader.trial: row for row in trained.recipes}
    models = (*(network_row(one, costs, seeds) for one in contenders), *rows)
    return replace(trained, models=models, control=control_text(good, handed, measure))


def _finish(
    work: RefitSession,
    trained: RefitResult,
    candidates: Mapping[int, Candidate],
    handed: Contender,
    measure: Measure,
    request: RefitOptions,
) -> RefitResult:
    """Train the winner on all rows but the test, score these, and save the model."""
    final = fit_final(work, candidates, handed, trained.baseline.answer)
    seeds = len({member.seed for member in final.members}) if handed.name != "single" else work.seeds
    baseline = replace(trained.baseline, test=final.constant, test_p=final.p)
    trained = replace(
        trained,
        verdict=verdict(baseline),
        rows={**trained.rows, "train": len(final.held.train)},
        baseline=baseline,
        expected=expected_on_test(handed, seeds, measure, work.prepared.facts.rows["test"]),
        test=final.scored,
        recipe=final.recipe,
        handed=HandedOver(handed.name, final.members, handed.temperature, final.cost, final.model.stat().st_size),
    )
    write_about(final.model, _metadata(work, trained, final))
    if work.interrupts.level:
        raise KeyboardInterrupt
    publish(final.model, request.file)
    if final.scored is not None:
        record_test_use(work, candidates[trained.chosen], final.scored)
    return replace(trained, file=str(request.file))


def _metadata(work: RefitSession, trained: RefitResult, final: FinalFit) -> ModelMetadata:
    assert final.held.preprocessing is not None
    return ModelMetadata(
        study=trained.study,
        trial=trained.chosen,
        metric=trained.metric,
        direction=trained.direction,
        recipe=final.recipe,
        classes=work.prepared.facts.classes,
        preprocessing=final.held.preprocessing,
        own=final.own,
        members=tuple(dict(vars(member)) for member in final.members) if len(final.members) > 1 else (),
        temperature=None if trained.handed is None else trained.handed.temperature,
        scores={key: value for key, value in trained.to_json().items() if key not in ("file", "meaning")},
        versions={name: version(name) for name in ("keras", "tensorflow")},
    )


def _cost(work: RefitSession, events: Mapping[int, JobFinished]) -> tuple[ModelCost | None, float]:
    """Return the median cost of the networks of a recipe, and the mean time of its trainings."""
    complete = [number for number, event in events.items() if event.training.state == TrialState.COMPLETE]
    costs = [cost for number in complete if (cost := work.artifacts(number).cost()) is not None]
    seconds = float(np.mean([event.seconds for event in events.values()]))
    if not costs:
        return None, seconds
    one, batch = (float(np.median([getattr(cost, name) for cost in costs])) for name in ("one_row_ms", "batch_ms"))
    return ModelCost(costs[0].weights, one, batch), seconds


def _baseline(
    work: RefitSession, chosen: Candidate, constant: Constant, measure: Measure, request: RefitOptions
) -> Baseline:
    """Compare the chosen recipe with the best constant answer.

    The leaders were picked from all trials by their scores on the very same rows, so p counts for each of them
    (Bonferroni): with as many looks one of them would seem good without being so.
    """
    answers = constant.answers(measure)
    tried = sum(
        work.study.trial_state(trial)[0] in (TrialState.COMPLETE, TrialState.PRUNED)
        for trial in work.study.record.trials
    )
    p = p_above(chosen.complete, chosen.draws, answers, measure)
    score = measure.score_if_defined(answers)
    found = Baseline(constant.name, score, min(1.0, tried * p) if math.isfinite(p) else None, tried)
    return replace(found, meaning=against_baseline(found, measure.metric, save_anyway=request.save_anyway))


def _worker_config(study: StoredStudy, recipe: Recipe, prepared: PreparedData, project: Path) -> WorkerConfig:
    source = study.record.attrs.info.source
    execution = read_execution(source, study.record.name)
    execution = replace(execution, budget=execution.budget.model_copy(update={"checkpoint": False}))
    return WorkerConfig.for_study(project, recipe.data, prepared.facts, execution)

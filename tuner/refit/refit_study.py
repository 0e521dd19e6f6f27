"""From a study to a model: train the leaders again, choose, look at the test part once, save."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from tuner.catalog import Recipe, TrialState
from tuner.data import PreparedData
from tuner.export import find_seed, prepare_for_export
from tuner.protocol import Executor, Job, WorkerConfig
from tuner.refit.baseline import Constant, best_constant
from tuner.refit.conclusion import against_baseline, explain, has_winner, test_confirms
from tuner.refit.final_fit import FinalFit, expected_on_test, fit_final, record_test_use
from tuner.refit.finalists import Leader, leaders
from tuner.refit.refit_options import RefitOptions
from tuner.refit.refit_result import Baseline, CandidateRow, RefitResult
from tuner.refit.refit_session import RefitProgress, RefitSession
from tuner.refit.scoring import Measure, validation_measure
from tuner.refit.selection import Candidate, evaluate, leaders_text, p_above, p_against, select
from tuner.results import StoredStudy, check_data_code, check_model_code
from tuner.runner import Progress, ShutdownSignal
from tuner.serving import ModelMetadata, check_output, publish, write_about
from tuner.study import read_execution


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
        executor_of: Gives the executor for a workplace, the rows and so many trainings.
        show: Called with the standing whenever it changed.

    Raises:
        UsageError: The file cannot be written, no trial is complete, or model or data have changed.
        CodeError: Only the database names the model file or the data function.
        StudyFailedError: A training failed, or too many of them diverged.
        KeyboardInterrupt: Interrupted; nothing was written.
    """
    check_output(request.file, (".keras",), request.force)
    found = leaders(study, request.top)
    recipe = found[0].recipe
    check_model_code(recipe, project, request.code)
    check_data_code(recipe, project, request.code)
    prepared = prepare_for_export(study, recipe, project)
    seed = find_seed(study) if request.seed is None else request.seed
    executor = executor_of(_worker_config(study, recipe, prepared, project), prepared, request.seeds * len(found))
    progress = RefitProgress(recipe.metric, request.seeds * (len(found) + 1), show)
    with tempfile.TemporaryDirectory(prefix="tuner-train-") as folder, ShutdownSignal() as interrupts:
        done = False
        try:
            executor.start()
            work = RefitSession(
                study, project, prepared, executor, interrupts, Path(folder), progress, request.seeds, seed
            )
            trained = _train(work, found, request.file)
            done = True
            return trained
        finally:
            executor.close(at_once=not done)


def _train(work: RefitSession, found: list[Leader], file: Path) -> RefitResult:
    measure = validation_measure(work.prepared, found[0].recipe)
    candidates = _again(work, found, measure)
    chosen = select(candidates, measure.objective)
    others = [one for one in candidates if one is not chosen]
    ps = p_against(chosen, others, measure)
    constant = best_constant(measure, work.prepared.splits, work.prepared.facts.classes)
    by_trial = dict(zip((one.leader.trial for one in others), ps, strict=True))
    rows = work.prepared.facts.rows
    trained = RefitResult(
        study=work.study.record.name,
        metric=measure.metric,
        direction=work.study.record.direction,
        verdict="none",
        file=None,
        seeds=work.seeds,
        seed=work.seed,
        rows={"train": None, "validation": measure.rows, "test": rows["test"]},
        recipes=tuple(_row(one, by_trial.get(one.leader.trial), measure) for one in candidates),
        chosen=chosen.leader.trial,
        leaders=leaders_text(chosen, others, ps, work.seeds),
        baseline=_baseline(work, chosen, constant, measure),
    )
    if has_winner(trained.baseline):
        trained = _finish(work, trained, chosen, measure, file)
    return replace(trained, meaning=tuple(explain(trained)))


def _again(work: RefitSession, found: list[Leader], measure: Measure) -> list[Candidate]:
    """Each leader with what its trainings say, in the order of the search."""
    jobs = [
        Job(rank * work.seeds + index, work.seeded(leader.recipe, index).to_json(), (), "revalidate", str(work.folder))
        for index in range(work.seeds)  # seed after seed, so that each leader is tried early
        for rank, leader in enumerate(found)
    ]
    work.progress.show(None)
    ended = work.run(jobs, lambda number: found[number // work.seeds].trial)
    candidates = []
    for rank, leader in enumerate(found):
        numbers = range(rank * work.seeds, (rank + 1) * work.seeds)
        answers = [work.answers(n, ended[n], work.prepared.splits, leader.recipe) for n in numbers]
        candidates.append(evaluate(leader, answers, measure))
    return candidates


def _finish(work: RefitSession, trained: RefitResult, chosen: Candidate, measure: Measure, file: Path) -> RefitResult:
    """Train the winner on all rows but the test, score these, and save the model."""
    expected = expected_on_test(chosen, measure, work.prepared.facts.rows["test"])
    final = fit_final(work, chosen, trained.baseline.answer)
    baseline = replace(trained.baseline, test=final.constant, test_p=final.p)
    trained = replace(
        trained,
        verdict="winner" if test_confirms(baseline) else "unconfirmed",
        rows={**trained.rows, "train": len(final.held.train)},
        baseline=baseline,
        expected=expected,
        test=final.scored,
        recipe=final.recipe,
    )
    write_about(final.model, _metadata(work, trained, final))
    if work.interrupts.level:
        raise KeyboardInterrupt
    publish(final.model, file)
    if final.scored is not None:
        record_test_use(work, chosen, final.scored)
    return replace(trained, file=str(file))


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
        scores={key: value for key, value in trained.to_json().items() if key not in ("file", "meaning")},
        versions={name: version(name) for name in ("keras", "tensorflow")},
    )


def _row(one: Candidate, p: float | None, measure: Measure) -> CandidateRow:
    return CandidateRow(one, p, None if one.mean is None else measure.objective.gain(one.leader.value, one.mean))


def _baseline(work: RefitSession, chosen: Candidate, constant: Constant, measure: Measure) -> Baseline:
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
    found = Baseline(constant.name, measure.score(answers), min(1.0, tried * p) if math.isfinite(p) else None, tried)
    return replace(found, meaning=against_baseline(found, measure.metric))


def _worker_config(study: StoredStudy, recipe: Recipe, prepared: PreparedData, project: Path) -> WorkerConfig:
    source = study.record.attrs.info.source
    execution = read_execution(source, study.record.name)
    execution = replace(execution, budget=execution.budget.model_copy(update={"checkpoint": False}))
    return WorkerConfig.for_study(project, recipe.data, prepared.facts, execution)

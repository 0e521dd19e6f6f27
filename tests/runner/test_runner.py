"""The loop ask → train → report and prune → tell, with a trainer that costs nothing."""

from __future__ import annotations

import importlib.util
import math
import os
import signal
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import mock_study
import optuna
import pytest
from mock_study import run, spec_of

from tuner.catalog import TrialState
from tuner.cli.render_study import render_result
from tuner.engines import EpochRecord, NetworkSize, TrainingResult
from tuner.errors import RepeatedFailureError, StudyChangedError
from tuner.executors import InlineExecutor
from tuner.protocol import EpochFinished, GlobalStateChanged, Job, JobFinished, ModelWarned, WorkerDied
from tuner.results import best_trial, read_study_results, summary
from tuner.runner.budget import BudgetTracker, Stopwatch
from tuner.runner.progress import Progress
from tuner.runner.study_runner import StudyRunner
from tuner.runner.trial_proposals import OpenStudy
from tuner.search import PRUNERS, SAMPLERS, SettingIndex, initial_points, portfolio_points
from tuner.storage import FINGERPRINT, Database, StudySession, open_database, request_stop


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return open_database(f"sqlite:///{tmp_path}/t.db", create=True)


def content_of(database: Database, name: str = "mock") -> dict[str, Any]:
    return summary(read_study_results(database, name))


def test_a_study_runs_to_its_last_trial(database: Database, tmp_path: Path) -> None:
    ended, shown = run(spec_of(tmp_path), database)
    content = content_of(database)
    assert ended == "trials"
    assert content["counts"]["complete"] == 30
    assert sum(content["counts"].values()) == 30
    best = max(content["trials"], key=lambda row: row["value"])
    assert content["best"] == {"trial": best["number"], "value": best["value"], "params": best["params"]}
    assert all(row["epochs"] == 5 and row["duration_s"] is not None for row in content["trials"])
    assert shown[-1].finished == 30
    assert shown[-1].best is not None
    assert shown[-1].best[1] == best["value"]


def test_a_run_with_nothing_left_to_do_shows_what_is_done(database: Database, tmp_path: Path) -> None:
    spec = spec_of(tmp_path, budget={"trials": 2, "epochs": 1})
    run(spec, database)
    ended, shown = run(spec, database)
    assert ended == "trials"
    assert [(one.counts["complete"], one.trials) for one in shown] == [(2, 2)]
    assert shown[0].best is not None


def test_no_more_is_finished_than_the_progress_says_there_will_be(database: Database, tmp_path: Path) -> None:
    """Not with a smaller budget than earlier, nor while another process runs trials beyond it."""
    run(spec_of(tmp_path, budget={"trials": 4, "epochs": 1}), database)
    spec = spec_of(tmp_path, budget={"trials": 2, "epochs": 1})
    _, shown = run(spec, database)
    assert [(one.finished, one.trials) for one in shown] == [(4, 4)]
    study = optuna.load_study(study_name="mock", storage=database.url)
    budget = BudgetTracker(spec, study, SettingIndex(spec.space), Stopwatch())
    budget.on_remote_change(None, optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING))
    assert budget.progress().trials == 5


def test_a_training_that_ends_early_keeps_its_value_for_the_comparisons_with_others(
    database: Database, tmp_path: Path
) -> None:
    def early(recipe: Mapping[str, Any]) -> Generator[EpochRecord, None, TrainingResult]:
        yield from list(mock_study.trainer(recipe))[:4]
        return TrainingResult("complete", 0.25, epochs=(3,))  # type: ignore[arg-type]

    spec = spec_of(tmp_path, budget={"trials": 3, "epochs": 10}, pruner={"name": "median", "n_startup_trials": 9})
    StudyRunner(spec, database, InlineExecutor(early)).run()
    trials = optuna.load_study(study_name="mock", storage=database.url).trials
    rungs = [step for step in PRUNERS["median"].rungs(10, **spec.pruner.options) if step > 4]
    assert rungs
    for trial in trials:
        assert sorted(trial.intermediate_values) == [1, 2, 3, 4, *rungs]
        assert [trial.intermediate_values[step] for step in rungs] == [0.25] * len(rungs)
    assert [row["selected_epochs"] for row in content_of(database)["trials"]] == [[3]] * 3
    assert [row["epochs"] for row in content_of(database)["trials"]] == [4] * 3
    assert best_trial(read_study_results(database, "mock")).recipe.last_epoch == 3


def test_a_study_goes_on_with_the_length_of_training_that_it_began_with(database: Database, tmp_path: Path) -> None:
    run(spec_of(tmp_path, budget={"trials": 1, "epochs": 4, "keep": "last"}), database)
    run(spec_of(tmp_path, budget={"trials": 2}), database)
    assert [row["epochs"] for row in content_of(database)["trials"]] == [4, 4]
    with pytest.raises(StudyChangedError, match=r"epochs: 4 before, 5 now\n"):
        run(spec_of(tmp_path, budget={"trials": 3, "epochs": 5}), database)
    with pytest.raises(StudyChangedError, match="keep: last before, best now"):
        run(spec_of(tmp_path, budget={"trials": 3, "keep": "best"}), database)


def test_plain_optuna_reads_the_same_study(database: Database, tmp_path: Path) -> None:
    run(spec_of(tmp_path), database)
    plain = optuna.load_study(study_name="mock", storage=database.url)
    content = content_of(database)
    assert [trial.value for trial in plain.trials] == [row["value"] for row in content["trials"]]
    assert [trial.params for trial in plain.trials] == [row["params"] for row in content["trials"]]
    assert all(sorted(trial.intermediate_values) == [1, 2, 3, 4, 5] for trial in plain.trials)
    assert plain.best_trial.number == content["best"]["trial"]
    assert plain.metric_names == ["accuracy"]


def test_what_is_inactive_is_not_stored(database: Database, tmp_path: Path) -> None:
    run(spec_of(tmp_path), database)
    for row in content_of(database)["trials"]:
        assert ("momentum" in row["params"]) == (row["params"]["optimizer"] != "adagrad")


def test_the_same_seed_gives_the_same_trials(tmp_path: Path) -> None:
    rows = []
    for name in ("a", "b"):
        database = open_database(f"sqlite:///{tmp_path}/{name}.db", create=True)
        run(spec_of(tmp_path), database)
        rows.append([(row["params"], row["value"]) for row in content_of(database)["trials"]])
    assert rows[0] == rows[1]
    other = open_database(f"sqlite:///{tmp_path}/c.db", create=True)
    run(spec_of(tmp_path, seed=7), other)
    assert [(row["params"], row["value"]) for row in content_of(other)["trials"]] != rows[0]


def test_the_same_command_goes_on_and_draws_new_trials(database: Database, tmp_path: Path) -> None:
    run(spec_of(tmp_path, budget={"trials": 8, "epochs": 5}), database)
    first = content_of(database)["trials"]
    run(spec_of(tmp_path), database)
    rows = content_of(database)["trials"]
    assert len(rows) == 30
    assert [(r["number"], r["params"], r["value"]) for r in rows[:8]] == [
        (r["number"], r["params"], r["value"]) for r in first
    ]
    assert len({str(row["params"]) for row in rows}) == 30, "a run that goes on repeats what was drawn before"
    ended, shown = run(spec_of(tmp_path), database)
    assert ended == "trials"
    assert len(content_of(database)["trials"]) == 30


def test_two_slots_share_the_budget(database: Database, tmp_path: Path) -> None:
    run(spec_of(tmp_path, budget={"trials": 7, "epochs": 5}), database, slots=3)
    assert content_of(database)["counts"]["complete"] == 7


def test_the_first_trials_are_known_good_settings_and_no_more_than_the_budget(
    database: Database, tmp_path: Path
) -> None:
    for trials in (1, 2, 5):
        run(spec_of(tmp_path, budget={"trials": trials, "epochs": 5}), database)
        content = content_of(database)
        assert len(content["trials"]) == content["counts"]["complete"] == trials
    spec = spec_of(tmp_path)
    known = initial_points(spec.space, spec.facts.task)
    found = [row["params"] for row in content["trials"]]
    assert all(row.items() >= point.items() for row, point in zip(found[:2], known, strict=False))
    points, _ = portfolio_points(spec.space, spec.facts.task)
    assert all(any(row.items() >= point.items() for point in points) for row in found)
    other = open_database(f"sqlite:///{tmp_path}/without.db", create=True)
    run(spec_of(tmp_path, budget={"trials": 2, "epochs": 5}, sampler={"name": "tpe", "initial_points": False}), other)
    assert content_of(other)["trials"][0]["params"]["learning_rate"] != known[0]["learning_rate"]


OWN = [{"optimizer": "adagrad", "learning_rate": 2.0}, {"activation": "tanh"}, {"learning_rate": 0.5}]


def given(database: Database) -> list[dict[str, Any]]:
    trials = optuna.load_study(study_name="mock", storage=database.url).trials
    return [trial.system_attrs.get("fixed_params", {}) for trial in trials]


def test_the_users_settings_come_first_in_order_and_once(database: Database, tmp_path: Path) -> None:
    for trials in (1, 2, 6):  # resumed twice
        run(spec_of(tmp_path, budget={"trials": trials, "epochs": 1}, sampler={"initial_points": OWN}), database)
    assert given(database) == [*OWN, {}, {}, {}]
    for row, point in zip(content_of(database)["trials"], OWN, strict=False):
        assert row["params"].items() >= point.items(), "what a setting leaves out is the sampler's"
    more = [*OWN, {"schedule": "cosine"}]
    run(spec_of(tmp_path, budget={"trials": 8, "epochs": 1}, sampler={"initial_points": more}), database)
    assert given(database)[6:] == [{"schedule": "cosine"}, {}], "a new one is tried next"


def test_two_coordinators_share_the_settings(database: Database, tmp_path: Path) -> None:
    spec = spec_of(tmp_path, sampler={"initial_points": OWN})
    sessions = [StudySession(database, spec.name, spec.direction) for _ in range(2)]
    first, second = (OpenStudy(spec, session, Stopwatch()) for session in sessions)
    first.session.claim_trials(lambda waiting: [first.fixed_params(0), first.fixed_params(1)])
    second.session.claim_trials(lambda waiting: [second.fixed_params(0), second.fixed_params(1)])
    assert given(database) == [*OWN, {}]
    for session in sessions:
        session.close()


def test_a_trial_of_the_user_does_not_take_the_place_of_a_setting(database: Database, tmp_path: Path) -> None:
    run(spec_of(tmp_path, budget={"trials": 1, "epochs": 1}, sampler={"initial_points": OWN}), database)
    optuna.load_study(study_name="mock", storage=database.url).enqueue_trial({"optimizer": "sgd"})
    run(spec_of(tmp_path, budget={"trials": 5, "epochs": 1}, sampler={"initial_points": OWN}), database, slots=2)
    assert given(database) == [OWN[0], {"optimizer": "sgd"}, OWN[1], OWN[2], {}]


@pytest.mark.parametrize(
    ("budget", "ended"),
    [({"trials": 500, "target": 0.5}, "target"), ({"trials": 500, "patience": 6}, "patience")],
)
def test_other_budgets_end_a_study(database: Database, tmp_path: Path, budget: dict[str, Any], ended: str) -> None:
    assert run(spec_of(tmp_path, budget={"epochs": 5, **budget}), database)[0] == ended
    rows = content_of(database)["trials"]
    assert len(rows) < 500
    values = [row["value"] for row in rows]
    if ended == "target":
        assert values[-1] >= 0.5 > max(values[:-1], default=0.0)
    else:
        assert len(values) - 1 - values.index(max(values)) == 6


def test_time_ends_a_study(database: Database, tmp_path: Path) -> None:
    spec = spec_of(tmp_path, budget={"time": "1s", "epochs": 5})
    ended, shown = run(spec, database, epoch_s=0.02)
    assert ended == "time"
    assert 1.0 <= shown[-1].elapsed_s < 5.0
    assert content_of(database)["counts"]["complete"] >= 1


TWELVE = {
    "optimizer": ["sgd", "adam"],
    "activation": ["relu", "tanh"],
    "schedule": ["constant", "cosine", "step"],
}


WITHOUT_TORCH = {"gp"} if importlib.util.find_spec("torch") is None else set()
"""Samplers that cannot run where this optional package is not installed."""


@pytest.mark.parametrize("sampler", sorted({*SAMPLERS} - WITHOUT_TORCH - {"cmaes"}))
def test_a_finite_space_ends_when_every_setting_was_trained(
    database: Database, tmp_path: Path, sampler: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = spec_of(tmp_path, search=TWELVE, sampler={"name": sampler}, budget={"trials": 40, "epochs": 2})
    ended, shown = run(spec, database)
    assert ended == "exhausted"
    assert shown[-1].trials == 12
    content = content_of(database)
    assert len({str(row["params"]) for row in content["trials"]}) == len(content["trials"]) == 12
    assert content["settings"] == {"total": 12, "trained": 12, "text": "all 12 settings have been trained"}
    render_result(content, ended)
    assert "all 12 settings have been trained" in capsys.readouterr().out
    assert run(spec, database)[0] == "exhausted"
    assert len(content_of(database)["trials"]) == 12


def test_cmaes_trains_no_setting_twice(database: Database, tmp_path: Path) -> None:
    search = {"optimizer": ["sgd", "adam"], "learning_rate": {"low": 0.1, "high": 0.6, "step": 0.1}}
    assert run(spec_of(tmp_path, search=search, sampler={"name": "cmaes"}), database)[0] == "exhausted"
    assert len({str(row["params"]) for row in content_of(database)["trials"]}) == 12


def test_conditions_count_in_a_finite_space(database: Database, tmp_path: Path) -> None:
    search = {
        "optimizer": ["sgd", "adam"],
        "activation": ["relu", "tanh"],
        "optimizer_options": {"sgd": {"nesterov": [True, False]}},
    }
    ended, _ = run(spec_of(tmp_path, search=search), database, diverges_above=0.005)
    content = content_of(database)
    assert ended == "exhausted"
    assert content["settings"]["text"] == "all 6 settings have been trained"
    assert content["counts"]["diverged"] == 4, "sgd begins with 0.01: a diverged trial counts"


def test_a_repeated_setting_is_replaced_in_an_endless_space_too(database: Database, tmp_path: Path) -> None:
    search = {
        "optimizer": ["sgd", "adam"],
        "optimizer_options": {"sgd": {"nesterov": [True, False]}, "adam": {"amsgrad": [True, False]}},
        "momentum": {"low": 0.0, "high": 0.9, "when": {"optimizer": "adam"}},
    }
    run(spec_of(tmp_path, search=search, budget={"trials": 25, "epochs": 2}), database)
    rows = content_of(database)["trials"]
    assert len({str(row["params"]) for row in rows}) == len(rows) == 25
    assert content_of(database)["settings"] == {"total": None, "trained": 25, "text": None}


def test_a_person_may_ask_for_a_setting_again(database: Database, tmp_path: Path) -> None:
    spec = spec_of(tmp_path, search=TWELVE, budget={"trials": 3, "epochs": 2})
    run(spec, database)
    plain = optuna.load_study(study_name="mock", storage=database.url)
    plain.enqueue_trial(plain.trials[1].params)
    run(spec_of(tmp_path, search=TWELVE, budget={"trials": 4, "epochs": 2}), database)
    trials = optuna.load_study(study_name="mock", storage=database.url).trials
    assert trials[3].params == trials[1].params


def test_bad_trials_are_pruned_early_and_the_curve_is_kept(database: Database, tmp_path: Path) -> None:
    spec = spec_of(tmp_path, budget={"trials": 40, "epochs": 9}, pruner={"name": "median", "n_startup_trials": 5})
    run(spec, database)
    rows = content_of(database)["trials"]
    pruned = [row for row in rows if row["state"] == "pruned"]
    complete = [row for row in rows if row["state"] == "complete"]
    assert len(pruned) >= 5
    assert all(row["epochs"] < 9 for row in pruned)
    assert all(row["epochs"] == 9 for row in complete)
    assert max(row["value"] for row in pruned) < max(row["value"] for row in complete)


def test_diverged_trials_teach_the_sampler(tmp_path: Path) -> None:
    shares = []
    for seed in range(5):
        database = open_database(f"sqlite:///{tmp_path}/{seed}.db", create=True)
        run(spec_of(tmp_path, seed=seed, budget={"trials": 100, "epochs": 5}), database, diverges_above=0.5)
        rows = content_of(database)["trials"]
        late = [row["state"] == "diverged" for row in rows if row["number"] >= 20 and row["number"] % 4 != 3]
        shares.append(sum(late) / len(late))
        for row in rows:
            assert (row["state"] == "diverged") == (row["params"]["learning_rate"] > 0.5)
            if row["state"] == "diverged":
                assert row["value"] is None
                assert "nan in epoch 1" in row["reason"]
    # Every fourth trial is drawn at random, and learns nothing.
    assert max(shares) <= 0.15, f"plain Optuna with NaN wastes 90 %, here {shares}"


def test_the_same_error_three_times_ends_the_study(database: Database, tmp_path: Path) -> None:
    def broken(recipe: Mapping[str, Any]) -> Generator[EpochRecord, None, TrainingResult]:
        raise ValueError("no such layer")
        yield

    with pytest.raises(RepeatedFailureError, match="ValueError: no such layer") as caught:
        StudyRunner(spec_of(tmp_path), database, InlineExecutor(broken)).run()
    assert 'raise ValueError("no such layer")' in str(caught.value)
    rows = content_of(database)["trials"]
    assert [row["state"] for row in rows if row["state"] != "waiting"] == ["failed"] * 3
    assert rows[0]["reason"] == "ValueError: no such layer"


def test_errors_that_differ_do_not_end_the_study(database: Database, tmp_path: Path) -> None:
    seen: list[int] = []

    def sometimes(recipe: Mapping[str, Any]) -> Generator[EpochRecord, None, TrainingResult]:
        seen.append(1)
        if len(seen) % 3:
            raise ValueError("now and then")
        return (yield from mock_study.trainer(recipe))

    spec = spec_of(tmp_path, budget={"trials": 9, "epochs": 5}, pruner={"name": "none"})
    StudyRunner(spec, database, InlineExecutor(sometimes)).run()
    counts = content_of(database)["counts"]
    assert (counts["failed"], counts["complete"]) == (9, 4), "as many failures as trials are enough"
    StudyRunner(spec, database, InlineExecutor(mock_study.trainer)).run()
    counts = content_of(database)["counts"]
    assert (counts["failed"], counts["complete"]) == (9, 9), "a failure uses up no budget"
    StudyRunner(spec, database, InlineExecutor(mock_study.trainer)).run()
    assert sum(content_of(database)["counts"].values()) == 18


class DyingExecutor(InlineExecutor):
    """Loses the worker of the trials it is told to, as often as it is told to."""

    def __init__(self, deaths: dict[int, int]) -> None:
        super().__init__(mock_study.trainer)
        self.deaths = deaths

    def poll(self, timeout_s: float) -> list[Any]:
        events = super().poll(timeout_s)
        for index, event in enumerate(events):
            if isinstance(event, EpochFinished) and event.record.epoch == 3 and self.deaths.get(event.number, 0) > 0:
                self.deaths[event.number] -= 1
                del self._running[event.number]
                events[index] = WorkerDied(event.number, "its worker process was ended by SIGKILL", "the last words")
        return events


def test_a_trial_whose_worker_died_runs_again(database: Database, tmp_path: Path) -> None:
    StudyRunner(spec_of(tmp_path), database, DyingExecutor({4: 1, 9: 2})).run()
    rows = content_of(database)["trials"]
    assert rows[4]["state"] == "complete"
    assert rows[4]["epochs"] == 5
    assert rows[9]["state"] == "failed"
    assert rows[9]["reason"] == "its worker process was ended by SIGKILL, twice"
    plain = optuna.load_study(study_name="mock", storage=database.url)
    assert plain.trials[9].user_attrs["traceback"] == "the last words"


def test_an_objective_that_is_not_a_number_counts_as_diverged(database: Database, tmp_path: Path) -> None:
    def nothing(recipe: Mapping[str, Any]) -> Generator[EpochRecord, None, TrainingResult]:
        yield EpochRecord(0, 1, 1.0, 1.0, math.nan, 0.1, 0.0)
        return TrainingResult("complete", math.nan)

    StudyRunner(spec_of(tmp_path, budget={"trials": 5, "epochs": 1}), database, InlineExecutor(nothing)).run()
    content = content_of(database)
    assert content["counts"]["diverged"] == 5
    assert content["best"] is None
    assert content["trials"][0]["reason"] == "the objective is nan after the last epoch"


def test_a_changed_setup_is_refused_with_the_difference(database: Database, tmp_path: Path) -> None:
    run(spec_of(tmp_path, budget={"trials": 3, "epochs": 5}), database)
    before = content_of(database)
    changed = {**mock_study.CONTENT["search"], "learning_rate": {"low": 1e-3, "high": 1.0, "log": True}}
    with pytest.raises(StudyChangedError) as caught:
        run(spec_of(tmp_path, search=changed), database)
    assert "search.learning_rate" in str(caught.value)
    assert "--fork" in str(caught.value)
    assert content_of(database) == before
    assert run(spec_of(tmp_path, search=changed, name="other"), database)[0] == "trials"


def test_budget_sampler_and_pruner_may_change(database: Database, tmp_path: Path) -> None:
    run(spec_of(tmp_path, budget={"trials": 3, "epochs": 5}), database)
    run(spec_of(tmp_path, budget={"trials": 6, "epochs": 5}, sampler={"name": "random"}), database)
    assert content_of(database)["counts"]["complete"] == 6


def test_a_study_of_plain_optuna_is_not_touched(database: Database, tmp_path: Path) -> None:
    plain = optuna.create_study(study_name="mock", storage=database.url)
    plain.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    with pytest.raises(StudyChangedError, match="not made by keras-studies"):
        run(spec_of(tmp_path), database)
    assert len(optuna.load_study(study_name="mock", storage=database.url).trials) == 2


class CuriousExecutor(InlineExecutor):
    """Looks into the database when a job comes in."""

    def __init__(self, database: Database) -> None:
        super().__init__(mock_study.trainer)
        self.database, self.seen = database, []

    def submit(self, job: Job) -> None:
        rows = content_of(self.database)["trials"]
        self.seen.append((rows[job.number]["state"], rows[job.number]["params"]))
        super().submit(job)


def test_number_and_parameters_are_stored_before_the_training_begins(database: Database, tmp_path: Path) -> None:
    executor = CuriousExecutor(database)
    StudyRunner(spec_of(tmp_path, budget={"trials": 4, "epochs": 5}), database, executor).run()
    rows = content_of(database)["trials"]
    assert executor.seen == [("running", row["params"]) for row in rows]


def test_late_events_of_unknown_trials_are_ignored(database: Database, tmp_path: Path) -> None:
    class Late(InlineExecutor):
        def poll(self, timeout_s: float) -> list[Any]:
            return [*super().poll(timeout_s), JobFinished(999, TrainingResult("complete", 1.0), 0.0)]

    StudyRunner(spec_of(tmp_path, budget={"trials": 3, "epochs": 5}), database, Late(mock_study.trainer)).run()
    assert content_of(database)["counts"]["complete"] == 3


class InterruptedExecutor(InlineExecutor):
    """Sends signals to its own process while trials run; knows how it was closed."""

    def __init__(self, signals: list[signal.Signals], after: int = 8) -> None:
        super().__init__(mock_study.trainer, slots=2)
        self.signals, self.after, self.calls, self.closed_at_once = signals, after, 0, False

    def poll(self, timeout_s: float) -> list[Any]:
        self.calls += 1
        if self.calls == self.after:
            for number in self.signals:
                os.kill(os.getpid(), number)
        return super().poll(timeout_s)

    def close(self, *, at_once: bool = False) -> None:
        self.closed_at_once = at_once
        super().close(at_once=at_once)


@pytest.fixture
def attended() -> Iterator[None]:
    """A process that a closed terminal ends, though the tests may run without one."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def test_ctrl_c_once_finishes_what_runs(database: Database, tmp_path: Path) -> None:
    executor, shown = InterruptedExecutor([signal.SIGINT]), []
    before = signal.getsignal(signal.SIGINT)
    assert StudyRunner(spec_of(tmp_path), database, executor, shown.append).run() == "interrupted"
    counts = content_of(database)["counts"]
    assert counts["complete"] in range(2, 8)
    assert counts["running"] == 0
    assert not executor.closed_at_once
    assert any(standing.note and "Ctrl-C again" in standing.note for standing in shown)
    assert signal.getsignal(signal.SIGINT) is before
    assert run(spec_of(tmp_path), database)[0] == "trials"
    assert content_of(database)["counts"]["complete"] == 30


@pytest.mark.parametrize(("trials", "ended"), [(2, "trials"), (3, "interrupted")])
def test_ctrl_c_while_the_last_trials_run(database: Database, tmp_path: Path, trials: int, ended: str) -> None:
    """Nothing is left to resume if what ran was the rest."""
    spec = spec_of(tmp_path, budget={"trials": trials, "epochs": 5})
    assert StudyRunner(spec, database, InterruptedExecutor([signal.SIGINT], after=3)).run() == ended
    assert content_of(database)["counts"]["complete"] == 2


def test_another_process_asks_to_stop(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noticed at the next heartbeat; here they are frequent."""
    monkeypatch.setattr("tuner.runner.study_runner.HEARTBEAT_INTERVAL_S", 0.0)
    asked: list[Any] = []
    notes: list[str] = []

    def show(standing: Progress) -> None:
        notes.extend([standing.note] if standing.note else [])
        if standing.counts[TrialState.COMPLETE] >= 3 and len(standing.running) == 2 and not asked:
            asked.extend(request_stop(database, "mock", at_once=False))

    executor = InlineExecutor(mock_study.trainer, slots=2)
    assert StudyRunner(spec_of(tmp_path), database, executor, show).run() == "interrupted"
    counts = content_of(database)["counts"]
    assert len(asked) == 1
    assert notes == [
        "Stopping as asked: finishing 2 running trials; `tuner stop mock --now` stops at once (they are run again next "
        "time)."
    ], "there may be nobody to press Ctrl-C"
    assert counts["complete"] in range(3, 29)
    assert counts["running"] == 0
    assert run(spec_of(tmp_path), database)[0] == "trials"


@pytest.mark.parametrize("signals", [[signal.SIGINT, signal.SIGINT], [signal.SIGTERM], [signal.SIGHUP]])
@pytest.mark.usefixtures("attended")
def test_ctrl_c_twice_stops_at_once_and_the_trials_wait(
    database: Database, tmp_path: Path, signals: list[signal.Signals]
) -> None:
    executor = InterruptedExecutor(signals)
    assert StudyRunner(spec_of(tmp_path), database, executor).run() == "interrupted"
    content = content_of(database)
    assert executor.closed_at_once
    assert content["counts"]["running"] == 0
    waiting = [row for row in content["trials"] if row["state"] == "waiting" and row["params"]]
    assert any(len(row["params"]) > 3 for row in waiting)
    run(spec_of(tmp_path), database)
    rows = content_of(database)["trials"]
    assert all(row["state"] == "complete" and row["epochs"] == 5 for row in rows)
    for row in waiting:
        assert rows[row["number"]]["params"].items() >= row["params"].items()


def fail(recipe: Mapping[str, Any]) -> Generator[EpochRecord, None, TrainingResult]:
    raise ValueError(f"broken: {recipe['seed']}")  # another message each time
    yield


def test_failures_use_up_neither_patience_nor_a_grid(database: Database, tmp_path: Path) -> None:
    patient = spec_of(tmp_path, budget={"trials": 10, "patience": 3, "epochs": 5})
    StudyRunner(patient, database, InlineExecutor(fail)).run()
    assert run(patient, database)[0] in ("trials", "patience")
    assert content_of(database)["counts"]["complete"] >= 4
    grid = spec_of(
        tmp_path,
        name="grid",
        search={"optimizer": ["sgd", "adam"], "activation": ["relu", "tanh"]},
        sampler={"name": "grid"},
    )
    assert StudyRunner(grid, database, InlineExecutor(fail)).run() == "exhausted"
    assert run(grid, database)[0] == "exhausted"
    rows = content_of(database, "grid")["trials"]
    assert [row["state"] for row in rows] == ["failed"] * 4 + ["complete"] * 4
    assert len({str(row["params"]) for row in rows[4:]}) == 4
    run(grid, database)
    assert len(content_of(database, "grid")["trials"]) == 8


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": ["adam", "sgd", "adagrad"]},
        {"optimizer": ["nadam", "sgd"]},
        {"optimizer": "nadam"},
        {"learning_rate": {"low": 1e-6, "high": 1e-5, "log": True}},
    ],
)
def test_a_study_that_learnt_nothing_may_change(database: Database, tmp_path: Path, change: dict[str, Any]) -> None:
    """What waited has parameters of the old setup; it must not run under the new one."""
    StudyRunner(spec_of(tmp_path), database, InterruptedExecutor([signal.SIGTERM], after=1)).run()
    before = content_of(database)
    assert before["counts"]["complete"] == 0
    assert before["counts"]["waiting"] > 0
    spec = spec_of(tmp_path, search={**mock_study.CONTENT["search"], **change}, budget={"trials": 4, "epochs": 5})
    run(spec, database)
    content = content_of(database)
    waited = content["trials"][: len(before["trials"])]
    assert {row["state"] for row in waited} == {"failed"}
    assert {row["reason"] for row in waited} == {"the study was changed before it ran"}
    assert content["counts"]["complete"] == 4
    plain = optuna.load_study(study_name="mock", storage=database.url)
    for trial in plain.trials[len(before["trials"]) :]:
        for name, distribution in trial.distributions.items():
            assert distribution._contains(distribution.to_internal_repr(trial.params[name]))


@pytest.mark.parametrize("made_by", ["a run that learnt nothing", "plain Optuna", "plain Optuna, for two objectives"])
def test_a_study_keeps_its_direction(database: Database, tmp_path: Path, made_by: str) -> None:
    """Else the worst trial is the best one."""
    if made_by == "a run that learnt nothing":
        StudyRunner(spec_of(tmp_path), database, InterruptedExecutor([signal.SIGTERM], after=1)).run()
    else:
        directions = ["maximize", "minimize"][: 2 if "two" in made_by else 1]
        optuna.create_study(study_name="mock", storage=database.optuna, directions=directions)
    spec = spec_of(tmp_path, objective={"metric": "log_loss"})
    with pytest.raises(StudyChangedError, match="is maximize.*, and log_loss needs minimize.*--fork .* --restart"):
        run(spec, database)
    assert database.optuna.get_study_user_attrs(1).get(FINGERPRINT, {}).get("objective") != "log_loss"


def test_a_worker_that_dies_every_time_ends_the_study(database: Database, tmp_path: Path) -> None:
    executor = DyingExecutor(dict.fromkeys(range(30), 2))
    with pytest.raises(RepeatedFailureError, match=r"(?s)SIGKILL, twice.*the last words"):
        StudyRunner(spec_of(tmp_path), database, executor).run()


def test_a_used_up_budget_starts_no_worker(database: Database, tmp_path: Path) -> None:
    class Unstartable(InlineExecutor):
        def start(self) -> None:
            raise AssertionError("there is nothing to do")

    run(spec_of(tmp_path, budget={"trials": 3, "epochs": 5}), database)
    spec = spec_of(tmp_path, budget={"trials": 3, "epochs": 5})
    assert StudyRunner(spec, database, Unstartable(mock_study.trainer)).run() == "trials"


def test_a_database_that_fails_leaves_the_study_free(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tuner.errors import StorageError
    from tuner.storage import optuna_rows

    def full(*args: Any) -> None:
        raise OSError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(optuna_rows, "write", full)
        study = StudyRunner(spec_of(tmp_path), database, InlineExecutor(mock_study.trainer), patience_s=0.0)
        with pytest.raises(StorageError, match="Make room on the disk"):
            study.run()
    assert run(spec_of(tmp_path), database)[0] == "trials"


def test_folds_are_reported_as_the_pruner_compares_them(database: Database, tmp_path: Path) -> None:
    """Values of different folds cannot be compared; their mean so far can, and wilcoxon takes each for itself."""
    values = (0.9, 0.6, 0.3, 0.6, 0.6)

    class Folds(InlineExecutor):
        """Five folds of one epoch."""

        def poll(self, timeout_s: float) -> list[Any]:
            found: list[Any] = []
            for number in list(self._running):
                for fold, value in enumerate(values):
                    found.append(
                        EpochFinished(number, EpochRecord(fold, 1, 1.0, 1.0, value, 0.1, 0.0), fold + 1, value, False)
                    )
                found.append(JobFinished(number, TrainingResult("complete", 0.6), 0.0))
                del self._running[number]
            return found

    data = {"source": "iris", "validation": {"folds": 5}}
    for pruner, expected in (("median", [0.9, 0.75, 0.6, 0.6, 0.6]), ("wilcoxon", values)):
        spec = spec_of(tmp_path, name=pruner, data=data, pruner={"name": pruner}, budget={"trials": 2, "epochs": 1})
        StudyRunner(spec, database, Folds(mock_study.trainer)).run()
        for trial in optuna.load_study(study_name=pruner, storage=database.url).trials:
            assert [trial.intermediate_values[step] for step in range(1, 6)] == pytest.approx(expected)


def test_programs_are_counted_over_all_runs(database: Database, tmp_path: Path) -> None:
    class Compiling(InlineExecutor):
        """Each trial needs two programs."""

        def poll(self, timeout_s: float) -> list[Any]:
            ended = TrainingResult("complete", 0.6)
            found: list[Any] = [
                JobFinished(
                    number, ended, 0.0, (2, 0.25), "fit", "it has a lamp", network_size=NetworkSize(12, 10, 2**32)
                )
                for number in self._running
            ]
            self._running.clear()
            return found

    for trials in (2, 3):
        StudyRunner(spec_of(tmp_path, budget={"trials": trials}), database, Compiling(mock_study.trainer)).run()
    (study,) = optuna.get_all_study_names(database.url)
    attrs = optuna.load_study(study_name=study, storage=database.url).user_attrs
    assert attrs["tuner:programs"] == {"traced": 6, "seconds": 0.75}
    rows = content_of(database)["trials"]
    assert [(row["engine"], row["fallback_reason"]) for row in rows] == [("fit", "it has a lamp")] * 3
    sizes = [[row[key] for key in ("weights", "trainable_weights", "multiply_adds", "bytes")] for row in rows]
    assert sizes == [[12, 10, 2**32, 48]] * 3


def test_what_is_measured_first_is_what_later_jobs_are_told(database: Database, tmp_path: Path) -> None:
    """Also in a later run: all trials of a network are to be trained in the same way."""
    told: list[Mapping[str, Any]] = []

    class Measuring(InlineExecutor):
        """Each trial measures the same network once more, and one of its own."""

        def submit(self, job: Job) -> None:
            told.append(job.measured)
            super().submit(job)

        def poll(self, timeout_s: float) -> list[Any]:
            times = [{"a": (0.1, 0.1 * number), f"own {number}": (0.2, None)} for number in self._running]
            ended = TrainingResult("complete", 0.6)
            found: list[Any] = [
                JobFinished(number, ended, 0.0, measured=new) for number, new in zip(self._running, times, strict=True)
            ]
            self._running.clear()
            return found

    for trials in (2, 3):
        StudyRunner(spec_of(tmp_path, budget={"trials": trials}), database, Measuring(mock_study.trainer)).run()
    first, more = {"a": (0.1, 0.0), "own 0": (0.2, None)}, {"own 1": (0.2, None)}
    assert [{network: tuple(times) for network, times in each.items()} for each in told] == [
        {},
        first,
        {**first, **more},
    ]


def test_many_free_workers_begin_before_all_are_asked_for(database: Database, tmp_path: Path) -> None:
    begun: list[int] = []

    class Watched(InlineExecutor):
        def submit(self, job: Job) -> None:
            begun.append(len(database.optuna.get_all_trials(1, deepcopy=False)))
            super().submit(job)

    spec = spec_of(tmp_path, budget={"trials": 70, "epochs": 1}, sampler={"name": "random"})
    StudyRunner(spec, database, Watched(mock_study.trainer, slots=70)).run()
    assert len(begun) == 70
    assert begun[0] == 32


class Telling(InlineExecutor):
    """Warns twice, and says twice that global state has changed, before each step."""

    def poll(self, timeout_s: float) -> list[Any]:
        found = super().poll(timeout_s)
        numbers = dict.fromkeys(event.number for event in found if isinstance(event, EpochFinished))
        said = [ModelWarned(number, "The model ends in softmax.") for number in numbers] * 2
        return [*said, *(GlobalStateChanged(number, ("the locale",), ()) for number in numbers), *found]


def test_what_workers_warn_of_is_said_once_and_kept(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/t.db", create=True)
    shown: list[Progress] = []
    spec = mock_study.spec_of(tmp_path, budget={"trials": 3, "epochs": 2})
    StudyRunner(spec, database, Telling(mock_study.trainer), shown.append).run()
    notes = [standing.note for standing in shown if standing.note]
    assert len(notes) == 2
    assert notes[0] == "The model ends in softmax."
    assert "changes the locale for its whole process. It is restored after each trial" in notes[1]
    study = read_study_results(database, "mock")
    assert summary(study)["warnings"] == best_trial(study).to_json()["warnings"] == ["The model ends in softmax."]

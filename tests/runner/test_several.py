"""Several coordinators on one study: nothing is lost, run twice, or over budget.

Each has a thread and connections of its own here; `test_faults` does the same with processes that are killed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mock_study
import pytest
from mock_study import run, spec_of

from tuner.engines import EpochRecord, TrainingResult
from tuner.errors import StudyChangedError
from tuner.executors import InlineExecutor
from tuner.results import read_study_results, summary
from tuner.runner.study_runner import StudyRunner
from tuner.search import FIRST_TRIALS, portfolio_points
from tuner.storage import StudySession, lease, open_database
from tuner.study import StudySpec


def together(url: str, spec: StudySpec, count: int, **options: Any) -> list[str]:
    """Run the study in so many coordinators at once; why each ended."""

    def coordinate(_: int) -> str:
        database = open_database(url, create=True)
        try:
            return run(spec, database, slots=2, **options)[0]
        finally:
            database.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(coordinate, range(count)))


def content_of(url: str, name: str = "mock") -> dict[str, Any]:
    database = open_database(url, create=False)
    try:
        return summary(read_study_results(database, name))
    finally:
        database.close()


def test_a_study_has_exactly_its_trials(database_url: str, tmp_path: Path) -> None:
    assert together(database_url, spec_of(tmp_path), 4, epoch_s=0.005) == ["trials"] * 4
    content = content_of(database_url)
    assert content["counts"]["complete"] == 30 == len(content["trials"])
    assert [row["number"] for row in content["trials"]] == list(range(30))
    assert all(row["epochs"] == 5 for row in content["trials"])
    assert len({str(row["params"]) for row in content["trials"]}) == 30, "two have drawn the same"
    spec = spec_of(tmp_path)
    known, _ = portfolio_points(spec.space, spec.facts.task)
    for row in content["trials"][:FIRST_TRIALS]:
        given = next(point for point in known if row["params"].items() >= point.items())
        known.remove(given)


@pytest.mark.parametrize("sampler", ["grid", "tpe"])
def test_a_finite_space_has_each_setting_once(database_url: str, tmp_path: Path, sampler: str) -> None:
    search = {"optimizer": ["sgd", "adam", "adagrad"], "activation": ["relu", "tanh"], "schedule": ["constant", "step"]}
    spec = spec_of(tmp_path, search=search, sampler={"name": sampler})
    assert together(database_url, spec, 3, epoch_s=0.002) == ["exhausted"] * 3
    rows = content_of(database_url)["trials"]
    settings = {(row["params"]["optimizer"], row["params"]["activation"], row["params"]["schedule"]) for row in rows}
    assert len(rows) == len(settings) == 12


@pytest.mark.parametrize("budget", [{"target": 0.5}, {"patience": 6}], ids=["target", "patience"])
def test_other_budgets_hold_over_all(tmp_path: Path, budget: dict[str, Any]) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    ended = together(url, spec_of(tmp_path, budget={"trials": 500, "epochs": 5, **budget}), 3)
    assert ended == [next(iter(budget))] * 3
    rows = content_of(url)["trials"]
    values = [row["value"] for row in rows]
    if "target" in budget:
        reached = min(row["number"] for row in rows if row["value"] >= 0.5)
        assert len(rows) - reached <= 3 * 2 * 2, "what runs is finished, and little is begun"
    else:
        assert len(values) - 1 - values.index(max(values)) <= 6 + 3 * 2


def until(holds: Callable[[], bool], other: Future[Any]) -> None:
    """Wait for something to become true while another coordinator runs."""
    deadline = time.monotonic() + 60
    while not holds():
        if other.done():
            raise AssertionError(f"the other coordinator has ended: {other.result()}")
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


class Gate:
    """A trainer that waits in its first epoch until it is let go."""

    def __init__(self) -> None:
        self.reached, self.go = threading.Event(), threading.Event()

    def __call__(self, recipe: Mapping[str, Any]) -> Generator[EpochRecord, None, TrainingResult]:
        self.reached.set()
        assert self.go.wait(60)
        return (yield from mock_study.trainer(recipe))


def test_who_has_nothing_to_do_waits_for_what_others_run(tmp_path: Path) -> None:
    """Where one of them dies, the other one finishes its trials."""
    url, spec = f"sqlite:///{tmp_path}/t.db", spec_of(tmp_path, budget={"trials": 4, "epochs": 5})
    database = open_database(url, create=True)
    run(spec_of(tmp_path, budget={"trials": 1, "epochs": 5}), database)
    dead = StudySession(database, "mock", "maximize")
    assert dead.claim_trials(lambda waiting: [{}, {}]) == [1, 2]
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(lambda: run(spec, open_database(url, create=True)))
        until(lambda: content_of(url)["counts"]["complete"] == 2, other)
        time.sleep(0.5)
        assert not other.done(), "two trials are still run by somebody who lives"
        lease.OPEN_LEASES.discard(dead._lease.owner)  # as if its process had died
        assert other.result(timeout=60)[0] == "trials"
    content = content_of(url)
    assert content["counts"]["complete"] == 4 == len(content["trials"])


def test_another_setup_is_refused_while_the_study_runs(tmp_path: Path) -> None:
    url, gate = f"sqlite:///{tmp_path}/t.db", Gate()
    spec = spec_of(tmp_path, budget={"trials": 2, "epochs": 5})
    changed = spec_of(tmp_path, budget={"trials": 2, "epochs": 7})
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(lambda: StudyRunner(spec, open_database(url, create=True), InlineExecutor(gate)).run())
        assert gate.reached.wait(60)
        with pytest.raises(StudyChangedError, match="epochs"):
            run(changed, open_database(url, create=True))
        gate.go.set()
        assert other.result(timeout=60) == "trials"
    assert content_of(url)["counts"]["complete"] == 2


def test_who_was_taken_for_dead_goes_on_with_other_trials(tmp_path: Path) -> None:
    url, gate, notes = f"sqlite:///{tmp_path}/t.db", Gate(), []
    spec, others = spec_of(tmp_path, budget={"trials": 4, "epochs": 5}), set(lease.OPEN_LEASES)

    def late() -> str:
        executor = InlineExecutor(gate)
        return StudyRunner(spec, open_database(url, create=True), executor, lambda s: notes.append(s.note)).run()

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(late)
        assert gate.reached.wait(60)
        (owner,) = lease.OPEN_LEASES - others
        lease.OPEN_LEASES.discard(owner)
        thief = StudySession(open_database(url, create=True), "mock", "maximize")
        assert thief.recovered == [0]
        assert thief.claim_trials(lambda waiting: [{}]) == [0]
        gate.go.set()
        until(lambda: content_of(url)["counts"]["complete"] == 3, other)
        thief.close()  # the trial waits again, and who was late may have it now
        assert other.result(timeout=60) == "trials"
    content = content_of(url)
    assert content["counts"]["complete"] == 4 == len(content["trials"])
    assert any(note and "taken over the trials that ran here" in note for note in notes)

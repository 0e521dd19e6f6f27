"""How verdicts end a trial, with an engine that trains nothing."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tuner.engines import EpochRecord, TrainingResult, TrainingTask, run_trial
from tuner.health import Finding, HealthOptions, LayerHealth, Probe

DEAD = (LayerHealth("dense_1", 1.0), LayerHealth("relu_1", dead_share=1.0))


class DeadEngine:
    """Tells of a network whose units are dead from the start.

    Args:
        ends: How it says that it ended by itself; None where it is complete.
    """

    predict_times = None

    def __init__(self, ends: TrainingResult | None = None) -> None:
        self.ends, self.asked, self.trained = ends, (), 0

    def train(self, task: TrainingTask, on_epoch: Callable[[EpochRecord], bool]) -> TrainingResult:
        probes, epochs = task.probe_epochs, task.recipe.epochs
        self.asked = tuple(probes)
        for epoch in range(1, epochs + 1):
            self.trained += 1
            found = [Probe(0, 2.4, DEAD, 2.3)] if epoch == 1 and probes else []
            found += [Probe(epoch, 2.4 - 0.3 * epoch, DEAD)] if epoch in probes else []
            record = EpochRecord(task.fold, epoch, 1.0, 1.0, 0.5, 0.1, 0.0, tuple(found))
            if not on_epoch(record) and epoch < epochs:
                return TrainingResult("pruned", 0.5, "pruned")
        return self.ends or TrainingResult("complete", 0.5)


def run(engine: DeadEngine, health: HealthOptions | None = None, folds: int = 1, epochs: int = 4) -> TrainingResult:
    prepared = SimpleNamespace(splits=[None] * folds, facts=None)
    model = SimpleNamespace(saved_models={})
    recipe = SimpleNamespace(
        epochs=epochs, metric="accuracy", keep="last", patience=None, last_epoch=None, model=model, seed=0
    )
    return run_trial(engine, recipe, prepared, None, lambda *_: True, health)  # type: ignore[arg-type]


def test_a_verdict_that_is_not_in_stop_ends_nothing():
    engine = DeadEngine()
    training = run(engine)
    assert (training.state, training.value, engine.asked, engine.trained) == ("complete", 0.5, (1, 2, 3, 4), 4)
    assert [finding.verdict for finding in training.findings] == ["dead units"]


def test_a_verdict_of_stop_ends_the_trial_as_a_bad_one():
    engine = DeadEngine()
    training = run(engine, HealthOptions(stop=("dead units",)))
    assert (training.state, training.value, engine.trained) == ("diverged", None, 1)
    assert training.reason is not None
    assert training.reason.startswith("dead units: 100 % of the units of relu_1")
    assert training.findings[0].verdict == "dead units"


def test_it_ends_the_trial_as_a_bad_one_in_the_last_epoch_too():
    training = run(DeadEngine(), HealthOptions(stop=("dead units",)), epochs=1)
    assert (training.state, training.value) == ("diverged", None)


def test_the_other_folds_are_not_trained():
    engine = DeadEngine()
    assert run(engine, HealthOptions(stop=("dead units",)), folds=3).state == "diverged"
    assert engine.trained == 1


def test_nothing_is_measured_where_the_study_says_so():
    engine = DeadEngine()
    training = run(engine, HealthOptions(measure=False, stop=("dead units",)))
    assert (training.state, engine.asked, training.findings) == ("complete", (), ())


def test_what_the_engine_found_itself_comes_first():
    lost = Finding("diverged", "the training loss became nan", None, 4, float("nan"), None)
    training = run(DeadEngine(TrainingResult("diverged", None, lost.text, (lost,))))
    assert [finding.verdict for finding in training.findings] == ["diverged", "dead units"]
    assert training.reason == lost.text


@pytest.mark.parametrize("number", [0.5, None])
def test_records_and_trainings_go_over_the_wire(number):
    probe = Probe(0, 2.4, DEAD, 2.3)
    record = EpochRecord(0, 1, 1.0, 1.0, 0.5, 0.1, 0.0, (probe, Probe(1, 2.0, DEAD)))
    assert EpochRecord.from_json(record.to_json()) == record
    training = TrainingResult("pruned", 0.5, "pruned", (Finding("saturated", "text", "tanh_1", 1, number, 0.9),))
    assert TrainingResult.from_json(training.to_json()) == training

"""Verdicts from numbers that were planted, without training."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from typing import Any

import pytest

from tuner.health import VERDICTS, Finding, Fold, LayerHealth, Probe, assess, check_finite

FIRST = LayerHealth("dense_1", gradient_norm=1.0, update_ratio=1e-3)
RELU = LayerHealth("relu_1", dead_share=0.1)
TANH = LayerHealth("tanh_1", saturated_share=0.1)
LAST = LayerHealth("outputs", gradient_norm=2.0, update_ratio=1e-3)
GOOD = {0: 2.4, 1: 1.2, 2: 0.6, 3: 0.3, 4: 0.2, 5: 0.1}


def fold(
    losses: dict[int, float] = GOOD,
    val_losses: dict[int, float] | None = None,
    since: int = 0,
    number: int = 0,
    **changed: dict[str, Any],
) -> Fold:
    """A training with these losses; from epoch `since` on, layers have the numbers in `changed`."""
    probes = []
    for epoch, loss in losses.items():
        layers = [FIRST, RELU, TANH, LAST]
        if epoch >= since:
            layers = [dataclasses.replace(layer, **changed.get(layer.layer, {})) for layer in layers]
        probes.append(Probe(epoch, loss, tuple(layers), 2.3 if epoch == 0 else None))
    return Fold(number, max(losses), probes, losses if val_losses is None else val_losses)


def only(folds: Fold | Sequence[Fold]) -> Finding:
    """The one finding that there is."""
    (finding,) = assess([folds] if isinstance(folds, Fold) else folds)
    return finding


@pytest.mark.parametrize(
    "changed",
    [{"relu_1": {"dead_share": 0.8}}, {"tanh_1": {"saturated_share": 0.95}}, {"dense_1": {"gradient_norm": 1e-4}}],
)
def test_advice_for_layers_of_a_saved_model_does_not_speak_of_initial_weights(changed):
    fresh, pretrained = (only(dataclasses.replace(fold(**changed), pretrained=given)) for given in (False, True))
    assert re.search("he_normal|glorot_uniform", fresh.text)
    assert not re.search("he_normal|glorot_uniform|fewer layers", pretrained.text)
    assert "freeze the layers of the saved model up to this one" in pretrained.text
    assert dataclasses.replace(fresh, text="") == dataclasses.replace(pretrained, text="")


def test_a_good_training_is_healthy():
    finding = only(fold())
    assert (finding.verdict, finding.epoch, finding.layer) == ("healthy", 5, None)


def test_nothing_is_said_of_what_was_not_measured():
    assert assess([]) == ()
    assert assess([Fold(0, 5, (), {1: 1.0})]) == ()
    assert assess([fold({0: 2.4})]) == ()


@pytest.mark.parametrize(
    ("changed", "verdict", "layer", "number", "threshold"),
    [
        ({"relu_1": {"dead_share": 0.8}}, "dead units", "relu_1", 0.8, 0.75),
        ({"tanh_1": {"saturated_share": 0.95}}, "saturated", "tanh_1", 0.95, 0.9),
        ({"dense_1": {"gradient_norm": 1e-4}}, "vanishing", "dense_1", 5e-5, 1e-3),
        ({"dense_1": {"gradient_norm": 0.0}}, "vanishing", "dense_1", 0.0, 1e-3),
    ],
)
def test_what_stands_in_a_layer_is_found_there(changed, verdict, layer, number, threshold):
    finding = only(fold(**changed))
    assert (finding.verdict, finding.layer, finding.epoch) == (verdict, layer, 5)
    assert (finding.value, finding.threshold) == (pytest.approx(number), threshold)
    assert layer in finding.text
    assert "epoch 5" in finding.text
    assert "threshold" in finding.text
    # What was seen for one probe may pass.
    assert only(fold(since=5, **changed)).verdict == "healthy"
    assert only(fold(since=4, **changed)).verdict == verdict


def test_the_worst_layer_is_named():
    finding = only(
        fold(dense_1={"gradient_norm": 1e-5}, outputs={"gradient_norm": 1.0}, relu_1={"gradient_norm": 1e-8})
    )
    assert finding.layer == "relu_1"


@pytest.mark.parametrize("number", [300.0, math.inf, math.nan])
def test_a_gradient_that_grows_explodes_unless_something_is_learned(number):
    flat = {0: 2.4, 1: 2.5, 2: 2.6}
    finding, *_ = assess([fold(flat, since=1, dense_1={"gradient_norm": number})])
    assert (finding.verdict, finding.layer, finding.epoch, finding.threshold) == ("exploding", "dense_1", 1, 200.0)
    assert finding.value == pytest.approx(number, nan_ok=True)
    assert "clipnorm" in finding.text
    learned = assess([fold(GOOD, since=1, dense_1={"gradient_norm": 300.0})])
    assert "exploding" not in [finding.verdict for finding in learned]


def test_steps_as_large_as_the_weights_explode():
    finding, *_ = assess([fold({0: 2.4, 1: 2.5}, since=1, dense_1={"update_ratio": 0.5})])
    assert (finding.verdict, finding.layer, finding.value, finding.threshold) == ("exploding", "dense_1", 0.5, 0.1)


def test_a_loss_that_blows_up_has_diverged():
    finding, *_ = assess([fold({0: 2.4, 1: 300.0})])
    assert (finding.verdict, finding.epoch, finding.value) == ("diverged", 1, 300.0)
    assert finding.threshold == pytest.approx(240.0)
    assert assess([fold({0: 2.4, 1: math.nan})])[0].verdict == "diverged"
    assert "diverged" not in [finding.verdict for finding in assess([fold({0: 2.4, 1: 200.0})])]


def test_no_progress_is_measured_from_a_constant_answer_and_after_some_epochs():
    # 2.29 is far below the initial loss, but a constant answer has 2.3.
    stuck = {0: 2.9, **dict.fromkeys(range(1, 9), 2.29)}
    finding = only(fold(stuck))
    assert (finding.verdict, finding.epoch, finding.threshold) == ("no progress", 8, 0.02)
    assert finding.value == pytest.approx(1 - 2.29 / 2.3)
    assert "raise the learning rate" in finding.text
    assert "lower the learning rate" in only(fold({0: 2.4, **dict.fromkeys(range(1, 9), 2.6)})).text
    early = Fold(0, 20, fold(stuck).probes[:4], {})
    assert only(early).verdict == "healthy"
    short = Fold(0, 3, fold(stuck).probes[:4], {})
    assert only(short).verdict == "no progress"


def test_overfitting_is_what_validation_does_not_share():
    finding = only(fold(val_losses={5: 1.9}))
    assert (finding.verdict, finding.epoch, finding.threshold) == ("overfitting", 5, 0.5)
    assert finding.value == pytest.approx(1.8 / 2.2)
    assert only(fold(val_losses={5: 1.0})).verdict == "healthy"
    # Where training rows were hardly learned, a gap says nothing.
    assert only(fold({0: 2.4, 1: 2.2, 2: 2.15}, val_losses={2: 2.6})).verdict == "healthy"


def test_causes_come_before_what_follows_from_them():
    flat = {0: 2.4, **dict.fromkeys(range(1, 7), 2.3)}
    found = assess([fold(flat, relu_1={"dead_share": 1.0}, dense_1={"gradient_norm": 0.0})])
    assert [finding.verdict for finding in found] == ["dead units", "vanishing", "no progress"]
    assert sorted(VERDICTS, key=VERDICTS.index)[-1] == "healthy"


def test_gradients_that_are_all_zero_do_not_vanish_towards_the_input():
    found = assess([fold(GOOD, dense_1={"gradient_norm": 0.0}, outputs={"gradient_norm": 0.0})])
    assert [finding.verdict for finding in found] == ["healthy"]


def test_the_majority_of_the_folds_decides():
    bad = {"relu_1": {"dead_share": 0.9}}
    one = [fold(number=0, **bad), fold(number=1), fold(number=2)]
    assert only(one).verdict == "healthy"
    two = [fold(number=0), fold(number=1, **bad), fold(number=2, **bad)]
    assert (only(two).verdict, only(two).fold) == ("dead units", 1)


def test_one_fold_that_diverged_is_enough():
    lost = check_finite("training loss", math.nan, 2, 0.1, fold=3)
    assert lost is not None
    assert assess([fold(number=0), fold(number=1), fold(number=2)], [lost]) == (lost,)
    assert (lost.epoch, lost.fold) == (2, 3)
    assert "epoch 2 at learning rate 0.1" in lost.text
    assert check_finite("training loss", 1.0, 2, 0.1) is None

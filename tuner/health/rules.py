"""Derive verdicts from probes.

A rule sees the probes of one training in the order of epochs.  A passing state is not a finding: dead, saturated and
vanishing must hold in the last two probes, and exploding requires that nothing was learned.  Early stopping uses the
same verdicts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tuner.health import thresholds
from tuner.health.finding import HEALTHY, VERDICTS, Finding
from tuner.health.probe import LayerHealth, Probe
from tuner.text import count

_PERSISTENT_PROBES = 2
_PRETRAINED = "freeze the layers of the saved model up to this one, or prepare the rows as when it was trained"


@dataclass(frozen=True)
class Fold:
    """The probes and losses of the training on one split.

    Attributes:
        fold: Index of the split.
        epochs: Planned epochs.
        probes: Of the initial weights, then of later epochs in order.
        val_losses: Loss on the validation part by epoch.
        pretrained: Whether the network has layers of a saved model, to which advice on initial weights and on the
            number of layers does not apply.
    """

    fold: int
    epochs: int
    probes: Sequence[Probe]
    val_losses: Mapping[int, float]
    pretrained: bool = False


def assess(folds: Sequence[Fold], engine_findings: Sequence[Finding] = ()) -> tuple[Finding, ...]:
    """Return the findings of a trial, the first one its verdict.

    A verdict counts if the majority of folds has it; divergence always counts.

    Args:
        folds: The record of each split so far.
        engine_findings: Findings of the engine itself.

    Returns:
        One finding a verdict, in the order of `VERDICTS`; only "healthy" if there is no other; empty if nothing was
        measured after the start.
    """
    findings = [*engine_findings, *(finding for fold in folds for finding in _assess_fold(fold))]
    counts = Counter(finding.verdict for finding in findings)
    measured = [fold for fold in folds if len(fold.probes) > 1]
    first: dict[str, Finding] = {}
    for finding in findings:
        if finding.verdict == "diverged" or 2 * counts[finding.verdict] > len(measured):
            first.setdefault(finding.verdict, finding)
    ordered = sorted(first.values(), key=lambda finding: VERDICTS.index(finding.verdict))
    return tuple(ordered) if ordered else tuple(_healthy(fold) for fold in measured[-1:])


def check_finite(what: str, value: float, epoch: int, learning_rate: float, fold: int = 0) -> Finding | None:
    """Return the finding that a training has diverged, or None if the value is finite.

    Args:
        what: The measured quantity ("training loss").
        value: Its value.
        epoch: Epoch in which it was measured, from 1.
        learning_rate: In force at that time.
        fold: Index of the split.
    """
    if math.isfinite(value):
        return None
    text = (
        f"the {what} became {value} in epoch {epoch} at learning rate {learning_rate:.3g}; "
        "lower the learning rate or clip the gradients"
    )
    return Finding("diverged", text, None, epoch, value, None, fold)


def _assess_fold(fold: Fold) -> Iterator[Finding]:
    if len(fold.probes) < 2 or fold.probes[0].epoch != 0:
        return
    for rule in (_diverged, _exploding, _dead, _saturated, _vanishing, _no_progress, _overfitting):
        finding = rule(fold)
        if finding is not None:
            yield finding


def _healthy(fold: Fold) -> Finding:
    epoch = fold.probes[-1].epoch
    return Finding(HEALTHY, f"no sign of trouble up to epoch {epoch}", None, epoch, None, None, fold.fold)


def _diverged(fold: Fold) -> Finding | None:
    start, last = fold.probes[0], fold.probes[-1]
    if math.isfinite(last.loss) and (start.loss <= 0 or last.loss <= thresholds.LOSS_BLOW_UP * start.loss):
        return None
    threshold = thresholds.LOSS_BLOW_UP * start.loss
    text = (
        f"the loss rose from {start.loss:.3g} to {last.loss:.3g} by epoch {last.epoch} (threshold {threshold:.3g}, "
        f"{thresholds.LOSS_BLOW_UP:.0f} times the initial loss); lower the learning rate or clip the gradients"
    )
    return Finding("diverged", text, None, last.epoch, last.loss, threshold, fold.fold)


def _exploding(fold: Fold) -> Finding | None:
    start, last = fold.probes[0], fold.probes[-1]
    if last.loss < _baseline(fold):  # it has recovered
        return None
    largest = max((layer.gradient_norm or 0.0 for layer in start.layers), default=0.0)
    threshold = thresholds.GRADIENT_GROWTH * largest
    step = "lower the learning rate or set clipnorm"
    for probe in fold.probes[1:]:
        layer = _largest(probe, lambda layer: layer.gradient_norm)
        if layer is not None and largest > 0 and not (layer.gradient_norm or 0.0) <= threshold:
            text = (
                f"gradient norm {layer.gradient_norm:.2g} in {layer.layer} at epoch {probe.epoch} (threshold "
                f"{threshold:.2g}, {thresholds.GRADIENT_GROWTH:.0f} times the largest one of the initial weights); "
                f"{step}"
            )
            return Finding("exploding", text, layer.layer, probe.epoch, layer.gradient_norm, threshold, fold.fold)
        layer = _largest(probe, lambda layer: layer.update_ratio)
        if layer is not None and not (layer.update_ratio or 0.0) <= thresholds.LARGE_UPDATE:
            text = (
                f"the mean step changed the weights of {layer.layer} by {layer.update_ratio:.2g} of their norm by "
                f"epoch {probe.epoch} (threshold {thresholds.LARGE_UPDATE:g}, 0.001 is typical), "
                f"and nothing was learned; {step}"
            )
            return Finding(
                "exploding", text, layer.layer, probe.epoch, layer.update_ratio, thresholds.LARGE_UPDATE, fold.fold
            )
    return None


def _dead(fold: Fold) -> Finding | None:
    found = _find_persistent(fold, lambda layer, probe: layer.dead_share, thresholds.DEAD_SHARE)
    if found is None:
        return None
    layer, probe, share = found
    step = "start from he_normal and biases of 0, or use leaky_relu or elu"
    text = (
        f"{_percent(share)} of the units of {layer} are 0 for every row at epoch {probe.epoch} (threshold "
        f"{_percent(thresholds.DEAD_SHARE)}); lower the learning rate, {_PRETRAINED if fold.pretrained else step}"
    )
    return Finding("dead units", text, layer, probe.epoch, share, thresholds.DEAD_SHARE, fold.fold)


def _saturated(fold: Fold) -> Finding | None:
    found = _find_persistent(fold, lambda layer, probe: layer.saturated_share, thresholds.SATURATED_SHARE)
    if found is None:
        return None
    layer, probe, share = found
    step = "start from smaller weights (glorot_uniform), scale the features, or lower the learning rate"
    if fold.pretrained:
        step = f"lower the learning rate, {_PRETRAINED}"
    text = (
        f"{_percent(share)} of the values of {layer} are saturated at epoch {probe.epoch} (threshold "
        f"{_percent(thresholds.SATURATED_SHARE)}); {step}"
    )
    return Finding("saturated", text, layer, probe.epoch, share, thresholds.SATURATED_SHARE, fold.fold)


def _vanishing(fold: Fold) -> Finding | None:
    found = _find_persistent(fold, _gradient_deficit, 1.0 / thresholds.VANISHING_RATIO)
    if found is None:
        return None
    layer, probe, weakness = found
    ratio = 1.0 / weakness
    step = "use relu with he_normal, fewer layers, batch normalization, or skip connections"
    text = (
        f"the gradient norm of {layer} is {ratio:.2g} of the largest one at epoch {probe.epoch} (threshold "
        f"{thresholds.VANISHING_RATIO:g}); {_PRETRAINED if fold.pretrained else step}"
    )
    return Finding("vanishing", text, layer, probe.epoch, ratio, thresholds.VANISHING_RATIO, fold.fold)


def _no_progress(fold: Fold) -> Finding | None:
    last, baseline = fold.probes[-1], _baseline(fold)
    if last.epoch < min(thresholds.MIN_EPOCHS_FOR_PROGRESS, fold.epochs) or not baseline > 0:
        return None
    fall = 1.0 - last.loss / baseline
    if not fall < thresholds.MIN_PROGRESS:
        return None
    step = "lower" if last.loss > fold.probes[0].loss else "raise"
    text = (
        f"after {count(last.epoch, 'epoch')} the loss of {last.loss:.4g} is {_percent(abs(fall))} "
        f"{'below' if fall > 0 else 'above'} {baseline:.4g}, that of the initial weights or of a constant answer "
        f"(threshold {_percent(thresholds.MIN_PROGRESS)}); {step} the learning rate, and check the labels"
    )
    return Finding("no progress", text, None, last.epoch, fall, thresholds.MIN_PROGRESS, fold.fold)


def _overfitting(fold: Fold) -> Finding | None:
    last, baseline = fold.probes[-1], _baseline(fold)
    val_loss, fell = fold.val_losses.get(last.epoch), baseline - last.loss
    if val_loss is None or not (baseline > 0 and fell > thresholds.MIN_FALL_FOR_GAP * baseline):
        return None
    gap = (val_loss - last.loss) / fell
    if not gap > thresholds.OVERFITTING_GAP:
        return None
    fewer = "freeze more layers, or use fewer epochs" if fold.pretrained else "or use fewer units or epochs"
    text = (
        f"at epoch {last.epoch} the loss is {last.loss:.3g} on training rows and {val_loss:.3g} on validation rows: "
        f"{_percent(gap)} of its fall from {baseline:.3g} does not carry over (threshold "
        f"{_percent(thresholds.OVERFITTING_GAP)}); add rows, dropout, l2 or weight decay, {fewer}"
    )
    return Finding("overfitting", text, None, last.epoch, gap, thresholds.OVERFITTING_GAP, fold.fold)


def _baseline(fold: Fold) -> float:
    """Return the loss without learning: that of the initial weights or of a constant prediction, whichever is less."""
    start = fold.probes[0]
    return start.loss if start.constant_loss is None else min(start.loss, start.constant_loss)


def _find_persistent(
    fold: Fold, value_at: Callable[[LayerHealth, Probe], float | None], threshold: float
) -> tuple[str, Probe, float] | None:
    """Return the layer, probe and largest value among layers above the threshold in each of the last two probes."""
    recent = fold.probes[-_PERSISTENT_PROBES:]
    last = recent[-1]
    found: tuple[str, Probe, float] | None = None
    for index, layer in enumerate(last.layers):
        values = [value_at(probe.layers[index], probe) for probe in recent]
        if any(value is None or not value > threshold for value in values):
            continue
        value = values[-1]
        if value is not None and (found is None or value > found[2]):
            found = (layer.layer, last, value)
    return found


def _gradient_deficit(layer: LayerHealth, probe: Probe) -> float | None:
    """Return the ratio of the largest gradient to that of a layer, or None without gradients."""
    largest = max((other.gradient_norm or 0.0 for other in probe.layers), default=0.0)
    if layer.gradient_norm is None or not 0 < largest < math.inf:
        return None
    return math.inf if layer.gradient_norm == 0 else largest / layer.gradient_norm


def _largest(probe: Probe, value_at: Callable[[LayerHealth], float | None]) -> LayerHealth | None:
    """Return the layer with the largest value; NaN counts as the largest."""
    known = [(value, layer) for layer in probe.layers if (value := value_at(layer)) is not None]
    return max(known, key=lambda entry: math.inf if math.isnan(entry[0]) else entry[0], default=(0.0, None))[1]


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"

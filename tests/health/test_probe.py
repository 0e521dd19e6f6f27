"""When and on which rows there is a probe."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.health import PROBE_EPOCHS, build_probe, probe_epochs, probe_rows


@pytest.mark.parametrize("epochs", [1, 2, 20, 100])
def test_each_epoch_is_probed(epochs):
    assert probe_epochs(epochs) == tuple(range(1, epochs + 1))


@pytest.mark.parametrize("epochs", [101, 150, 5000])
def test_long_trainings_are_probed_evenly(epochs):
    found = probe_epochs(epochs)
    assert len(found) == PROBE_EPOCHS
    assert list(found) == sorted(set(found))
    assert found[:10] == tuple(range(1, 11))
    assert found[-1] == epochs
    assert max(np.diff(found)) <= epochs / 90 + 1


@pytest.mark.parametrize(("rows", "chosen"), [(40, 40), (64, 64), (400, 64), (1000, 125), (10_000, 256)])
def test_rows_are_the_same_ones_each_time(rows, chosen):
    assert np.array_equal(probe_rows(rows), probe_rows(rows))
    assert len(set(probe_rows(rows)) & set(range(rows))) == chosen


def test_what_cannot_be_measured_is_none():
    shares = np.array([[-1.0, 0.25], [-1.0, -1.0]])
    first = build_probe(0, 2.0, ["dense", "relu"], np.array([3.0, -1.0]), None, shares, 2.3)
    assert [
        (layer.gradient_norm, layer.update_ratio, layer.dead_share, layer.saturated_share) for layer in first.layers
    ] == [
        (3.0, None, None, None),
        (None, None, 0.25, None),
    ]
    assert first.constant_loss == 2.3
    later = build_probe(1, 1.0, ["dense", "relu"], np.array([3.0, -1.0]), np.array([0.5, -1.0]), shares)
    assert [layer.update_ratio for layer in later.layers] == [0.5, None]

"""When and on which rows there is a probe."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.health import build_probe, probe_epochs, probe_rows


@pytest.mark.parametrize(
    ("epochs", "after"),
    [
        (1, (1,)),
        (6, (1, 2, 3, 4, 5, 6)),
        (7, (1, 2, 3, 4, 5, 6, 7)),
        (20, (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 20)),
    ],
)
def test_a_training_is_probed_the_more_seldom_the_longer_it_takes(epochs, after):
    assert probe_epochs(epochs) == after


@pytest.mark.parametrize(("epochs", "most"), [(100, 20), (5000, 42)])
def test_the_probes_of_a_long_training_are_few(epochs, most):
    found = np.array(probe_epochs(epochs))
    assert len(found) <= most
    assert found[-1] == epochs
    assert (np.diff(found) >= 1).all()
    assert (np.diff(found) <= 0.2 * found[:-1] + 1).all()


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

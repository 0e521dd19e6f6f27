"""When and on which rows there is a probe."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.diagnostics import PROBE_ROWS, probe_epochs, probe_of, probe_rows


@pytest.mark.parametrize("epochs", [1, 2, 8, 9, 10, 13, 20, 100, 5000])
def test_first_and_last_epochs_are_probed(epochs):
    found = probe_epochs(epochs)
    assert len(found) <= 8
    assert list(found) == sorted(set(found))
    assert found[:3] == tuple(range(1, min(epochs, 3) + 1))
    assert found[-1] == epochs
    if epochs <= 8:
        assert len(found) == epochs


def test_rows_are_the_same_ones_each_time():
    assert np.array_equal(probe_rows(1000), probe_rows(1000))
    assert len(set(probe_rows(1000))) == PROBE_ROWS
    assert sorted(probe_rows(40)) == list(range(40))


def test_what_cannot_be_measured_is_none():
    shares = np.array([[-1.0, 0.25], [-1.0, -1.0]])
    first = probe_of(0, 2.0, ["dense", "relu"], np.array([3.0, -1.0]), None, shares, 2.3)
    assert [(layer.gradient, layer.update, layer.dead, layer.saturated) for layer in first.layers] == [
        (3.0, None, None, None),
        (None, None, 0.25, None),
    ]
    assert first.constant_loss == 2.3
    later = probe_of(1, 1.0, ["dense", "relu"], np.array([3.0, -1.0]), np.array([0.5, -1.0]), shares)
    assert [layer.update for layer in later.layers] == [0.5, None]

"""Holm's correction against the paper's rule."""

from __future__ import annotations

import pytest

from tuner.analysis import holm


def test_holm():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([]) == []

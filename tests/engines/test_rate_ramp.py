"""The range of rates that a ramp finds, on losses that are known, and with a real training."""

from __future__ import annotations

import math

import pytest

from tuner.engines import find_rate_range

RATES = [10 ** (-6 + step / 8) for step in range(56)]


def losses(best: float, noise: float = 0.0) -> list[float]:
    """Losses that fall around a rate a decade below `best`, and rise above it."""
    centre = math.log10(best) - 1
    fall = [1 / (1 + math.exp(6 * (math.log10(rate) - centre))) for rate in RATES]
    rise = [10 * max(0.0, math.log10(rate / best)) for rate in RATES]
    return [0.2 + a + b + noise * math.sin(7 * index) for index, (a, b) in enumerate(zip(fall, rise, strict=True))]


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("best", [1e-3, 1e-1])
def test_the_range_is_around_the_rate_at_which_the_loss_has_fallen(best: float, noise: float) -> None:
    found = find_rate_range(RATES, losses(best, noise), proportional=False)
    assert found is not None
    low, high = found
    assert low < best < high
    assert math.log10(high / low) == pytest.approx(1.65, abs=0.05)
    higher = find_rate_range(RATES, losses(best, noise), proportional=True)
    assert higher is not None
    assert higher[0] == pytest.approx(9.0 / 2.8 * 1.9 * low, rel=0.1)


def test_a_typical_rate_counts_as_far_as_the_ramp_does_not_say_otherwise() -> None:
    alone = find_rate_range(RATES, losses(1e-2), proportional=False)
    assert alone is not None
    middle = alone[0] / 0.1
    for typical, expected in (
        (2 * middle, 2),
        (0.3 * middle, 0.3),
        (1e3 * middle, 10**0.75),
        (1e-3 * middle, 10**-0.75),
    ):
        found = find_rate_range(RATES, losses(1e-2), proportional=False, typical=typical)
        assert found == pytest.approx([expected * end for end in alone], rel=0.06)
    assert find_rate_range(RATES, [0.7] * len(RATES), proportional=False, typical=1e-3) is None


def test_a_ramp_that_diverges_has_a_range() -> None:
    curve = [loss if rate < 0.1 else math.nan for rate, loss in zip(RATES, losses(1e-2), strict=True)]
    assert find_rate_range(RATES, curve, proportional=False) == find_rate_range(RATES, losses(1e-2), proportional=False)


def test_a_loss_that_never_falls_has_none() -> None:
    assert find_rate_range(RATES, [0.7 + 0.001 * rate for rate in RATES], proportional=False) is None
    assert find_rate_range(RATES[:2], [0.7, 0.1], proportional=False) is None

"""Derived seeds are those of earlier releases: a study that resumes goes on with them."""

from __future__ import annotations

import pytest

from tuner.catalog import seed_from
from tuner.engines import repeat_seed
from tuner.refit.finalists import derive_seed
from tuner.runner.trial_proposals import _sampler_seed
from tuner.study.resolve_recipe import trial_seed


@pytest.mark.parametrize(
    ("derived", "seed"),
    [
        (seed_from("0:0"), 2893166218),
        (trial_seed(0, 0), 2893166218),
        (trial_seed(7, 3), 287060127),
        (repeat_seed(5, 0), 5),
        (repeat_seed(5, 1), 4048956132),
        (derive_seed(0, 0), 1059006241),
        (_sampler_seed(0, 0, 0), 1654557772),
        (_sampler_seed(0, 3, 1), 2598867213),
    ],
)
def test_seeds_stay_the_same(derived: int, seed: int) -> None:
    assert derived == seed

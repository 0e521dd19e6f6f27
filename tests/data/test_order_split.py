"""What is measured comes after what is trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.data import DataOptions
from tuner.data.independent_units import Dependence
from tuner.data.splitting import Layout, split_indices
from tuner.data.strata import Strata
from tuner.errors import DataError


def split_rows(ranks: np.ndarray, **options: Any) -> Layout:
    """Lay out rows in this order."""
    chosen = DataOptions(source="s", order="day", **options)
    return split_indices(
        np.zeros(len(ranks), int), Strata(np.zeros((len(ranks), 0))), chosen, 0, Dependence(ranks=ranks)
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 60), min_size=40, max_size=120).filter(lambda days: len(set(days)) > 12),
    st.sampled_from([0.1, 0.4, {"folds": 2}, {"folds": 7}]),
    st.sampled_from([0, 0.1, 0.4]),
)
def test_each_part_is_later_than_what_is_trained_on(days: list[int], validation: Any, test: float) -> None:
    ranks = np.array(days)
    layout = split_rows(ranks, validation=validation, test=test)
    for train, part in layout.splits:
        assert ranks[train].max() < ranks[part].min()
    if test:
        assert ranks[layout.development].max() < ranks[layout.test].min()
    assert sorted([*layout.development, *layout.test]) == list(range(len(ranks)))
    trained = [set(train) for train, _ in layout.splits]
    assert all(later > earlier for later, earlier in zip(trained, trained[1:], strict=False)), "the latest is the first"
    assert set(layout.splits[0][0]) | set(layout.splits[0][1]) == set(layout.development)


def test_sizes_are_the_fractions() -> None:
    ranks = np.random.default_rng(0).permutation(100)
    layout = split_rows(ranks, validation=0.2, test=0.1)
    assert (len(layout.splits[0][0]), len(layout.splits[0][1]), len(layout.test)) == (70, 20, 10)
    folds = split_rows(ranks, validation={"folds": 4}, test=0.1)
    assert [(len(train), len(part)) for train, part in folds.splits] == [(72, 18), (54, 18), (36, 18), (18, 18)]


def test_it_does_not_depend_on_the_order_in_the_file() -> None:
    ranks = np.random.default_rng(0).permutation(50)
    one, other = split_rows(ranks), split_rows(np.sort(ranks))
    assert set(ranks[one.test]) == set(np.sort(ranks)[other.test])


@pytest.mark.parametrize(
    ("days", "options"), [(2, {}), (5, {"validation": {"folds": 4}}), (3, {"validation": {"folds": 3}})]
)
def test_too_few_days_are_refused(days: int, options: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=rf"different values of the order column, but 'day' has {days}"):
        split_rows(np.arange(60) % days, **options)


def test_stretches_are_units_and_so_is_a_day() -> None:
    units = Dependence(ranks=np.arange(1000)).units(np.arange(1000))
    assert units is not None
    assert (np.bincount(units) == 100).all()
    assert (np.diff(units) >= 0).all()
    days = np.repeat(np.arange(5), 20)
    of_days = Dependence(ranks=days).units(np.arange(100))
    assert of_days is not None
    assert len(set(zip(days, of_days, strict=True))) == 5, "a day is in one unit"
    assert Dependence().units(np.arange(5)) is None

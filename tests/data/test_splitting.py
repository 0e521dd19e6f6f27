"""Which rows go where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.data import DataOptions
from tuner.data.splitting import MAIN, TEST, VALIDATION, Layout, split_indices
from tuner.data.strata import Strata
from tuner.errors import DataError


def split_rows(counts: list[int], seed: int = 0, shuffle: bool = True, **options: Any) -> tuple[Layout, np.ndarray]:
    """Lay out rows of as many classes as `counts`, mixed."""
    groups = np.repeat(np.arange(len(counts)), counts)
    if shuffle:
        groups = np.random.default_rng(99).permutation(groups)
    names = tuple(f"c{index}" for index in range(len(counts)))
    strata = Strata(np.eye(len(counts))[groups], groups, names)
    return split_indices(np.zeros(len(groups), int), strata, DataOptions(source="s", **options), seed), groups


def alike(rows: int) -> Strata:
    """Rows without classes."""
    return Strata(np.zeros((rows, 0)))


counts_of_classes = st.lists(st.integers(6, 40), min_size=2, max_size=6)


@settings(max_examples=60)
@given(counts_of_classes, st.floats(0.05, 0.45), st.floats(0, 0.45), st.integers(0, 2**32))
def test_hold_out_partitions_the_rows(counts: list[int], validation: float, test: float, seed: int) -> None:
    layout, groups = split_rows(counts, seed, validation=validation, test=test)
    ((train, measured),) = layout.splits
    everything = np.concatenate([train, measured, layout.test])
    assert sorted(everything) == list(range(len(groups)))
    assert sorted([*train, *measured]) == list(layout.development)
    for kind in range(len(counts)):
        assert (groups[train] == kind).any()
        assert (groups[measured] == kind).any()


@settings(max_examples=60)
@given(counts_of_classes, st.integers(2, 5), st.floats(0, 0.4), st.integers(0, 2**32))
def test_folds_partition_the_rows_that_are_not_for_the_test(
    counts: list[int], folds: int, test: float, seed: int
) -> None:
    layout, groups = split_rows(counts, seed, validation={"folds": folds}, test=test)
    assert len(layout.splits) == folds
    assert sorted(np.concatenate([part for _, part in layout.splits])) == list(layout.development)
    for train, part in layout.splits:
        assert sorted([*train, *part]) == list(layout.development)
        assert not set(part) & set(layout.test)
    sizes = [len(part) for _, part in layout.splits]
    assert max(sizes) - min(sizes) <= 1
    for kind in range(len(counts)):
        shares = [int((groups[part] == kind).sum()) for _, part in layout.splits]
        assert max(shares) - min(shares) <= 1


def test_each_part_has_the_share_of_each_class() -> None:
    layout, groups = split_rows([100, 50, 10], validation=0.2, test=0.2)
    ((train, part),) = layout.splits
    assert list(np.bincount(groups[layout.test])) == [20, 10, 2]
    assert list(np.bincount(groups[part])) == [20, 10, 2]
    assert list(np.bincount(groups[train])) == [60, 30, 6]


def test_the_total_is_the_fraction_where_shares_have_remainders() -> None:
    layout, _ = split_rows([33, 33, 33], validation=0.1, test=0.1)
    assert len(layout.test) == 10
    assert len(layout.splits[0][1]) == 10


def test_the_test_part_does_not_depend_on_how_validation_is_drawn() -> None:
    one, _ = split_rows([40, 40], validation=0.1, test=0.2)
    other, _ = split_rows([40, 40], validation={"folds": 5}, test=0.2)
    assert list(one.test) == list(other.test)


def test_same_seed_same_parts_and_another_seed_others() -> None:
    one, again, other = (split_rows([40, 40], seed, validation=0.25, test=0.25)[0] for seed in (1, 1, 2))
    assert list(one.test) == list(again.test)
    assert list(one.splits[0][1]) == list(again.splits[0][1])
    assert list(one.test) != list(other.test)


@pytest.mark.parametrize("validation", [0.25, {"folds": 4}])
def test_the_seed_decides_on_validation_too(validation: Any) -> None:
    one, other = (split_rows([40, 40], seed, validation=validation, test=0)[0] for seed in (1, 2))
    assert list(one.splits[0][1]) != list(other.splits[0][1])


def test_a_class_without_rows_to_spare_gives_none_to_the_test() -> None:
    layout, groups = split_rows([50, 2], validation=0.5, test=0.3)
    assert set(groups[layout.test]) == {0}
    assert set(groups[layout.splits[0][0]]) == {0, 1}


@pytest.mark.parametrize(
    ("counts", "options", "words"),
    [
        ([20, 1], {}, "at least 2 rows for training and validation, but class 'c1' has 1"),
        ([20, 4], {"validation": {"folds": 5}}, "at least 5 rows for training and validation, but class 'c1' has 4"),
        ([2, 2], {"test": 0.5, "validation": 0.2}, "at least 5 rows in all"),
    ],
)
def test_too_few_rows_are_refused(counts: list[int], options: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        split_rows(counts, **options)


def test_rows_without_classes_are_split_by_number_alone() -> None:
    layout = split_indices(np.zeros(10, int), alike(10), DataOptions(source="s"), 0)
    ((train, part),) = layout.splits
    assert (len(train), len(part), len(layout.test)) == (6, 2, 2)
    with pytest.raises(DataError, match="at least 3 rows"):
        split_indices(np.zeros(2, int), alike(2), DataOptions(source="s"), 0)


def test_rows_of_second_sources_stay_together() -> None:
    origin = np.array([MAIN] * 6 + [VALIDATION] * 2 + [TEST] * 3)
    layout = split_indices(origin, alike(11), DataOptions(source="a", validation="b", test="c"), 0)
    ((train, part),) = layout.splits
    assert (list(train), list(part), list(layout.test)) == ([0, 1, 2, 3, 4, 5], [6, 7], [8, 9, 10])
    assert list(layout.development) == list(range(8))


@pytest.mark.parametrize(
    ("options", "cures"),
    [
        ({}, ['"regression"', "leave it out"]),
        ({"validation": {"folds": 3}}, ['"regression"', "fewer folds"]),
        ({"task": "multiclass"}, ["leave it out"]),
    ],
)
def test_counts_with_a_rare_value_may_be_a_regression(
    options: dict[str, Any], cures: list[str], prepared: Callable[..., Any], write_npz: Callable[..., Any]
) -> None:
    counts = np.r_[np.arange(60) % 12, 12]
    write_npz(x=np.arange(61.0) % 7, y=counts)
    with pytest.raises(DataError, match="class '12' has 1 ") as caught:
        prepared("data.npz", **options)
    said = [cure for cure in ('"regression"', "fewer folds", "leave it out") if cure in str(caught.value)]
    assert said == cures
    assert prepared("data.npz", task="regression").facts.rows["train"] == 37


def test_a_rare_class_that_may_be_a_missing_cell(prepared: Callable[..., Any], write_text: Callable[..., Any]) -> None:
    write_text("a.csv", "x,y\n" + "".join(f"{row % 7},{'yes' if row % 2 else 'no'}\n" for row in range(40)) + "1,NA\n")
    with pytest.raises(DataError, match=r"class 'NA' has 1 .*missing_values = \[\"NA\"\]"):
        prepared("a.csv", target="y")

"""Groups are never in two parts, and the parts are alike as far as groups allow."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.data import DataOptions
from tuner.data.group_split import assign_groups
from tuner.data.independent_units import Dependence
from tuner.data.splitting import Layout, split_indices
from tuner.data.strata import Strata
from tuner.errors import DataError


def split_rows(groups: np.ndarray, classes: np.ndarray | None = None, seed: int = 0, **options: Any) -> Layout:
    """Lay out rows of these groups and classes."""
    kinds = np.zeros(len(groups), int) if classes is None else classes
    names = () if classes is None else tuple(map(str, range(kinds.max() + 1)))
    strata = Strata(np.eye(kinds.max() + 1)[kinds], classes, names)
    chosen = DataOptions(source="s", group="patient", **options)
    return split_indices(np.zeros(len(groups), int), strata, chosen, seed, Dependence(groups=groups))


def parts_of(layout: Layout) -> list[np.ndarray]:
    """The parts that must not share a group."""
    return [*(part for _, part in layout.splits), layout.test]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 30), min_size=12, max_size=40),
    st.integers(0, 2**32),
    st.sampled_from([0.2, {"folds": 2}, {"folds": 5}]),
    st.sampled_from([0, 0.2, 0.4]),
)
def test_a_group_is_never_in_two_parts(sizes: list[int], seed: int, validation: Any, test: float) -> None:
    groups = np.random.default_rng(1).permutation(np.repeat(np.arange(len(sizes)), sizes))
    layout = split_rows(groups, seed=seed, validation=validation, test=test)
    for train, part in layout.splits:
        assert min(len(train), len(part)) > 0
        for one, other in ((train, part), (train, layout.test), (part, layout.test)):
            assert not set(groups[one]) & set(groups[other])
        assert sorted([*train, *part]) == list(layout.development)
    if len(layout.splits) > 1:
        assert sorted(np.concatenate(parts_of(layout))) == list(range(len(groups)))
    assert bool(len(layout.test)) == (test > 0)


def test_parts_have_their_share_of_rows_and_classes() -> None:
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), random.integers(2, 15, 60))
    classes = random.choice(3, 60, p=[0.6, 0.3, 0.1])[groups]
    shares = np.bincount(classes) / len(classes)
    for seed in range(5):
        layout = split_rows(groups, classes, seed)
        for part in parts_of(layout):
            assert len(part) / len(groups) == pytest.approx(0.2, abs=0.03)
            assert np.bincount(classes[part], minlength=3) / len(part) == pytest.approx(shares, abs=0.06)


@pytest.mark.slow
@pytest.mark.parametrize("folds", [3, 5])
def test_folds_are_no_less_alike_than_those_of_scikit_learn(folds: int) -> None:
    from sklearn.model_selection import StratifiedGroupKFold

    random = np.random.default_rng(0)
    ours, theirs = [], []
    for seed in range(6):
        groups = np.repeat(np.arange(50), random.integers(1, 20, 50))
        classes = random.choice(3, 50, p=[0.5, 0.35, 0.15])[groups]
        layout = split_rows(groups, classes, seed, validation={"folds": folds}, test=0)
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        for found, parts in (
            (ours, [part for _, part in layout.splits]),
            (theirs, [part for _, part in splitter.split(classes, classes, groups)]),
        ):
            counts = np.array([np.bincount(classes[part], minlength=3) for part in parts])
            expected = np.bincount(classes) / folds
            found.append((np.square(counts - expected) / expected).sum())
    assert np.mean(ours) <= np.mean(theirs)


def test_the_seed_decides() -> None:
    groups = np.repeat(np.arange(40), 5)
    one, again, other = (split_rows(groups, seed=seed) for seed in (1, 1, 2))
    assert list(one.test) == list(again.test)
    assert list(one.test) != list(other.test)
    assert list(one.splits[0][1]) != list(other.splits[0][1])


def test_each_group_has_a_chance_to_be_in_the_test() -> None:
    groups = np.repeat(np.arange(20), 5)
    tested = np.concatenate([np.unique(groups[split_rows(groups, seed=seed).test]) for seed in range(50)])
    counts = np.bincount(tested, minlength=20)
    assert counts.min() >= 2
    assert counts.max() <= 22


def test_very_many_groups_are_assigned_fast() -> None:
    sizes = np.random.default_rng(0).integers(1, 9, 20_000)
    found = assign_groups(sizes[:, None].astype(float), np.array([0.2, 0.8]), np.random.default_rng(0))
    assert sizes[found == 0].sum() / sizes.sum() == pytest.approx(0.2, abs=0.001)


WAYS: list[dict[str, Any]] = [
    {"validation": validation, "test": test} for validation in (0.2, {"folds": 3}) for test in (0, 0.2)
]


@pytest.mark.parametrize("options", WAYS, ids=str)
@pytest.mark.parametrize("many", [12, 6_000])
def test_a_group_of_nearly_all_rows_leaves_some_for_each_part(options: dict[str, Any], many: int) -> None:
    groups = np.repeat(np.arange(many + 1), [19 * many, *[2] * many])
    for seed in range(3):
        layout = split_rows(groups, seed=seed, **options)
        again = split_rows(groups, seed=seed, **options)
        assert all(map(np.array_equal, parts_of(layout), parts_of(again)))
        parts = [*parts_of(layout)[:-1], *([layout.test] if options["test"] else []), layout.splits[0][0]]
        assert all(map(len, parts))
        small = sorted(len(part) for part in parts[:-1] if not (groups[part] == 0).any())
        assert many > 12 or small[-1] <= 2 * small[0], "what the large group leaves is shared out"
        assert sorted(np.concatenate([*layout.splits[0], layout.test])) == list(range(len(groups)))


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_validation_has_two_classes_if_a_group_of_nearly_all_rows_has_one(options: dict[str, Any]) -> None:
    groups = np.repeat(np.arange(13), [250, *[3] * 12])
    classes = (groups % 3 > 0).astype(int)
    for seed in range(5):
        layout = split_rows(groups, classes, seed, **options)
        assert all(len(np.unique(classes[part])) == 2 for _, part in layout.splits)
        assert bool(len(layout.test)) == bool(options["test"])


@pytest.mark.parametrize(
    ("sizes", "kinds", "options"),
    [
        ([354, 5, 6, 4, 7], [1, 0, 0, 1, 1], {"validation": 0.2, "test": 0.2}),
        ([330, 5, 7, 4, 2], [0, 0, 1, 0, 1], {"validation": 0.2, "test": 0.2}),
        ([149, 10, 10, 13, 5, 14, 1], [0, 1, 1, 0, 0, 0, 0], {"validation": 0.3, "test": 0.2}),
    ],
    ids=str,
)
def test_training_keeps_every_class_beside_a_group_of_nearly_all_rows(
    sizes: list[int], kinds: list[int], options: dict[str, Any]
) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    classes = np.array(kinds)[groups]
    for seed in range(20):
        layout = split_rows(groups, classes, seed, **options)
        for part in layout.splits[0]:
            assert set(classes[part]) == {0, 1}
        assert len(layout.test)
        assert sorted(np.concatenate([*layout.splits[0], layout.test])) == list(range(len(groups)))


@pytest.mark.parametrize(
    ("sizes", "kinds", "options"),
    [
        ([144, 14, 2, 9, 12], [[0], [1], [1], [0], [1]], {"validation": 0.3, "test": 0.4}),
        ([65, 6, 3], [[0, 1, 2], [0, 2], [1]], {"validation": 0.1, "test": 0.4}),
        ([107, 7, 7, 3, 9, 4, 4, 14, 8], [[0, 1], *[[0]] * 6, [0, 1], [0]], {"validation": 0.3, "test": 0.4}),
        (
            [329, 7, 5, 9, 8, 1, 11, 8],
            [[0, 1], [0], [0, 1], [0], [0], [0], [0], [0]],
            {"validation": 0.3, "test": 0.4},
        ),
    ],
    ids=str,
)
def test_a_split_of_few_groups_is_found_if_there_is_one(
    sizes: list[int], kinds: list[list[int]], options: dict[str, Any]
) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    classes = np.concatenate([np.resize(found, size) for found, size in zip(kinds, sizes, strict=True)])
    for seed in range(20):
        layout = split_rows(groups, classes, seed, **options)
        train, validation = layout.splits[0]
        assert set(classes[train]) == set(classes)
        assert len(set(classes[validation])) > 1
        assert len(layout.test)
        assert sorted([*train, *validation, *layout.test]) == list(range(len(groups)))


def test_validation_may_ask_for_all_rows_that_the_test_leaves() -> None:
    groups = np.repeat(np.arange(5), [1, 58, 223, 2, 11])
    classes = np.array([0, 1, 1, 1, 0])[groups]
    for seed in range(5):
        layout = split_rows(groups, classes, seed, validation=0.8, test=0.15)  # a NumPy warning is an error
        assert [len(part) for part in (*layout.splits[0], layout.test)] == [3, 234, 58], "the rows stay where they were"
        assert all(set(classes[part]) == {0, 1} for part in layout.splits[0])


def test_groups_that_have_a_split_keep_it() -> None:
    digests = []
    for options in WAYS:
        random = np.random.default_rng(4)
        groups = random.permutation(
            np.repeat(np.arange(25), np.minimum(random.pareto(1.0, 25) * 4 + 1, 90).astype(int))
        )
        layout = split_rows(groups, random.integers(0, 3, 25)[groups], 7, **options)
        parts = [*(part for pair in layout.splits for part in pair), layout.test]
        digests.append(hashlib.sha256(b"|".join(part.astype("<i8").tobytes() for part in parts)).hexdigest()[:12])
    assert digests == ["afd90dff8dc4", "d1fcd65e9cbc", "d6a85777093f", "429dbaf8bdd3"], "as in version 0.1.0"


@pytest.mark.parametrize(
    ("groups", "classes", "options", "words"),
    [
        ([0, 0, 1, 1], None, {}, "at least 3 groups in all, but 'patient' has 2"),
        ([0, 1, 2, 3], None, {"validation": {"folds": 5}}, "at least 6 groups in all, but 'patient' has 4"),
        ([0, 1, 2, 3, 4, 4], [0, 0, 0, 0, 1, 1], {}, "class '1' is in 1 of 'patient'"),
    ],
)
def test_too_few_groups_are_refused(groups: Any, classes: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        split_rows(np.array(groups), None if classes is None else np.array(classes), **options)

"""Outliers against cases worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tuner.data import PreparedData
from tuner.data.outliers import bounds, outside


def test_zscore_bounds_are_mean_and_population_deviation() -> None:
    column = np.array([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])[:, None]  # mean 5, deviation 2
    low, high = bounds(column, "drop_zscore", 1.5)
    assert (low[0], high[0]) == (2.0, 8.0)
    assert list(np.flatnonzero(outside(column, low, high))) == [7]  # 2.0 lies on the bound


def test_iqr_bounds_are_tukeys_fences() -> None:
    column = np.array([1.0, 2.0, 3.0, 4.0, 100.0])[:, None]  # quartiles 2 and 4
    low, high = bounds(column, "drop_iqr", 1.5)
    assert (low[0], high[0]) == (-1.0, 7.0)
    assert list(np.flatnonzero(outside(column, low, high))) == [4]


def test_winsorize_bounds_are_quantiles() -> None:
    column = np.arange(11.0)[:, None]
    low, high = bounds(column, "winsorize", 0.1)
    assert (low[0], high[0]) == (1.0, 9.0)


@pytest.mark.parametrize("method", ["drop_zscore", "drop_iqr", "winsorize"])
def test_columns_of_two_values_and_ignored_columns_have_no_outliers(method: str) -> None:
    rare = np.r_[np.zeros(99), 1.0]
    wild = np.r_[np.arange(99.0), 1e6]
    low, high = bounds(np.c_[rare, wild], method, 0.01, ignored=np.array([False, True]))
    assert np.isinf([*low, *high]).all()


def test_a_column_whose_quartiles_are_equal_is_left_alone() -> None:
    column = np.r_[np.zeros(97), 1.0, 2.0, 3.0][:, None]
    low, high = bounds(column, "drop_iqr", 1.5)
    assert not outside(column, low, high).any()


def test_missing_values_are_no_outliers() -> None:
    column = np.array([1.0, 2.0, 3.0, np.nan, 100.0])[:, None]
    low, high = bounds(column, "drop_iqr", 1.5)
    assert list(outside(column, low, high)) == [False, False, False, False, True]


def test_a_row_of_a_series_goes_if_one_of_its_steps_is_outside() -> None:
    x = np.zeros((10, 4, 1))
    x[:, :, 0] = np.arange(40).reshape(10, 4) % 7
    x[3, 2, 0] = 1000
    assert list(np.flatnonzero(outside(x, *bounds(x, "drop_zscore", 3.0)))) == [3]


class TestInTheTrainingPartOnly:
    """100 rows of noise in three columns; some rows far away."""

    @pytest.fixture
    def wild(self, write_npz: Callable[..., object]) -> np.ndarray:
        random = np.random.default_rng(1)
        x = random.normal(size=(100, 3))
        x[::10, 1] = 1000.0 + np.arange(10)
        write_npz(x=x, y=random.normal(size=100))
        return x

    @pytest.mark.parametrize("method", ["drop_zscore", "drop_iqr"])
    def test_rows_are_dropped_and_counted(
        self, method: str, wild: np.ndarray, prepared: Callable[..., PreparedData]
    ) -> None:
        kept = prepared("data.npz", scale="none")
        limit = 2.0
        dropped = prepared("data.npz", scale="none", outliers=method, outlier_limit=limit)
        before, after = kept.splits[0].train.x, dropped.splits[0].train.x
        y = kept.splits[0].train.y * kept.splits[0].target_scale + kept.splits[0].target_center
        low, high = bounds(before, method, limit)
        low_y, high_y = bounds(y, method, limit)
        gone = ((before < low) | (before > high)).any(axis=1) | ((y < low_y) | (y > high_y)).any(axis=1)
        assert gone.sum() >= 5  # the far rows at least
        np.testing.assert_array_equal(after, before[~gone])
        assert f"left out {gone.sum()} of {len(before)} training rows" in " ".join(dropped.facts.notes)
        assert dropped.facts.rows["train"] == (~gone).sum()
        np.testing.assert_array_equal(dropped.splits[0].validation.x, kept.splits[0].validation.x)

    def test_winsorize_moves_values_and_keeps_rows(
        self, wild: np.ndarray, prepared: Callable[..., PreparedData]
    ) -> None:
        kept = prepared("data.npz", scale="none").splits[0]
        moved = prepared("data.npz", scale="none", outliers="winsorize", outlier_limit=0.1).splits[0]
        low, high = np.quantile(kept.train.x.astype(np.float64), [0.1, 0.9], axis=0)
        np.testing.assert_allclose(moved.train.x, np.clip(kept.train.x, low, high), rtol=1e-5)
        np.testing.assert_array_equal(moved.validation.x, kept.validation.x)

    def test_scaling_is_fitted_on_the_rows_that_remain(
        self, wild: np.ndarray, prepared: Callable[..., PreparedData]
    ) -> None:
        split = prepared("data.npz", outliers="drop_iqr").splits[0]
        np.testing.assert_allclose(split.train.x.mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(split.train.x.std(axis=0), 1, rtol=1e-5)
        assert np.abs(split.preprocessing.center).max() < 1  # type: ignore[union-attr]


def test_regression_targets_have_outliers_too(
    write_npz: Callable[..., object], prepared: Callable[..., PreparedData]
) -> None:
    random = np.random.default_rng(2)
    y = random.normal(size=60)
    y[::6] = 500.5
    write_npz(x=random.normal(size=(60, 2)), y=y)
    split = prepared("data.npz", outliers="drop_iqr", outlier_limit=3.0).splits[0]
    assert split.unscale(split.train.y).max() < 10

"""Imputing and scaling; scikit-learn's scalers are the oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tuner.data import PreparedData, Preprocessing
from tuner.data.imputing_and_scaling import fit_fill, fit_scale

RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize("method", ["standardize", "minmax", "robust"])
def test_scaling_agrees_with_scikit_learn(method: str) -> None:
    from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

    oracle = {"standardize": StandardScaler, "minmax": MinMaxScaler, "robust": RobustScaler}[method]()
    x = np.c_[RANDOM.normal(5, 3, 50), RANDOM.exponential(size=50), np.full(50, 0.1), RANDOM.integers(0, 2, 50)]
    center, scale = fit_scale(x, method)
    np.testing.assert_allclose((x - center) / scale, oracle.fit_transform(x), atol=1e-12)


def test_none_changes_nothing() -> None:
    center, scale = fit_scale(RANDOM.normal(size=(5, 2)), "none")
    assert (list(center), list(scale)) == ([0, 0], [1, 1])


def test_images_are_scaled_by_channel() -> None:
    x = RANDOM.normal([0, 10], [1, 5], size=(20, 4, 4, 2)).astype(np.float32)
    center, scale = fit_scale(x, "standardize")
    np.testing.assert_allclose(center, x.mean(axis=(0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(scale, x.std(axis=(0, 1, 2)), rtol=1e-4)


def test_fill_is_the_mean_or_median_of_what_is_there() -> None:
    x = np.array([[1.0, np.nan], [2.0, 4.0], [6.0, np.nan]])
    assert list(fit_fill(x, "mean")) == [3.0, 4.0]
    assert list(fit_fill(x, "median")) == [2.0, 4.0]


def test_large_numbers_with_small_differences_survive_float32(
    write_npz: Callable[..., object], prepared: Callable[..., PreparedData]
) -> None:
    seconds = 1.7e9 + np.arange(40.0)  # float32 knows 1.7e9 to 128 s
    write_npz(x=seconds, y=np.arange(40) + 0.5)
    assert len(np.unique(prepared("data.npz").splits[0].train.x)) == 24


@pytest.mark.parametrize("scale", ["none", "standardize", "minmax", "robust"])
def test_preprocessing_applied_to_new_rows_gives_what_was_trained(
    scale: str, write_npz: Callable[..., object], prepared: Callable[..., PreparedData]
) -> None:
    x = RANDOM.normal(size=(40, 6))
    x[::7, 2] = np.nan
    write_npz(x=x, y=np.arange(40) + 0.5)
    split = prepared("data.npz", scale=scale, missing="median", shape=[3, 2], target_scale="none").splits[0]
    assert split.preprocessing is not None
    stored = Preprocessing.from_json(split.preprocessing.to_json())
    for part in (split.train, split.validation):
        rows = (part.y[:, 0] - 0.5).astype(int)
        np.testing.assert_array_equal(stored.apply(x[rows]), part.x)


def test_targets_of_a_regression_are_standardized_and_unscale_gives_them_back(
    write_npz: Callable[..., object], prepared: Callable[..., PreparedData]
) -> None:
    y = np.c_[RANDOM.normal(100, 7, 50), RANDOM.normal(-3, 0.1, 50)]
    write_npz(x=np.arange(50.0), y=y)
    plain = prepared("data.npz", target_scale="none").splits[0]
    split = prepared("data.npz").splits[0]
    np.testing.assert_allclose(split.train.y.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(split.train.y.std(axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(split.unscale(split.validation.y), plain.validation.y, rtol=1e-5)
    np.testing.assert_array_equal(plain.unscale(plain.validation.y), plain.validation.y)


def test_targets_of_classes_are_never_scaled(
    write_npz: Callable[..., object], prepared: Callable[..., PreparedData]
) -> None:
    write_npz(x=np.arange(30.0), y=np.arange(30) % 3)
    split = prepared("data.npz").splits[0]
    assert set(np.unique(split.train.y)) == {0.0, 1.0}
    assert (list(split.target_center), list(split.target_scale)) == ([0, 0, 0], [1, 1, 1])


def test_a_value_far_beyond_the_training_range_is_an_error_and_not_infinite(
    write_npz: Callable[..., object], prepared: Callable[..., PreparedData], tmp_path: Any
) -> None:
    from tuner.errors import DataError

    write_npz("train.npz", x=np.linspace(0, 1e-30, 20), y=np.arange(20) + 0.5)
    write_npz("other.npz", x=np.full(4, 1e30), y=np.arange(4) + 0.5)
    with pytest.raises(DataError, match=r"fit float32, but 4 values do not.*scale = 'none'"):
        prepared("train.npz", validation="other.npz", test=0)

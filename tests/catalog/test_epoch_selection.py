"""Which epoch gives the model, and when a training ends."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tuner.catalog import BuildableRecipe, Choice, EpochSelector, ModelChoice, Recipe, Task
from tuner.errors import RecipeError


def recipe(metric: str = "accuracy", **given: Any) -> BuildableRecipe:
    return BuildableRecipe(
        task=Task.BINARY,
        model=ModelChoice(reference="models/mlp.py:build", sha256="0" * 64),
        head="sigmoid",
        loss=Choice(name="binary_crossentropy"),
        optimizer=Choice(name="sgd"),
        learning_rate=0.5,
        metric=metric,
        **{"epochs": 10, **given},
    )


def selected(values: list[float], losses: list[float] | None = None, **given: Any) -> tuple[int, float, int]:
    """The epoch, its value, and after how many epochs the training ends."""
    selector = EpochSelector(recipe(**given))
    observed = 0
    for value, loss in zip(values, losses or [1.0] * len(values), strict=True):
        if selector.ended:
            break
        selector.observe(value, loss)
        observed += 1
    return selector.epoch, selector.value, observed


def test_the_last_epoch_is_selected_unless_the_best_is_asked_for() -> None:
    values = [0.1, 0.9, 0.9, 0.9, 0.2, 0.2]
    assert selected(values) == (6, 0.2, 6)
    assert selected(values, keep="best") == (4, 0.9, 6)


def test_one_lucky_epoch_is_not_the_best_one() -> None:
    values = [0.5, 0.95, 0.5, 0.7, 0.8, 0.8, 0.8, 0.6, 0.6]
    assert selected(values, keep="best") == (7, 0.8, 9)
    low = [1.0 - value for value in values]
    assert selected(low, metric="log_loss", keep="best")[0] == 7


def test_of_equal_means_the_one_with_the_lowest_loss_is_the_best() -> None:
    values, losses = [1.0] * 8, [0.9, 0.8, 0.7, 0.6, 0.5, 0.6, 0.7, 0.8]
    assert selected(values, losses, keep="best")[0] == 6  # of epochs 4 to 6: 0.6, 0.5, 0.6
    assert selected(values, [0.5] * 8, keep="best")[0] == 1


def test_the_window_is_a_share_of_a_long_training() -> None:
    values = [0.5] * 20 + [0.9] * 5 + [0.5] * 5 + [0.7] * 10 + [0.4] * 60
    assert selected(values, epochs=100, keep="best")[0] == 25
    assert selected(values, epochs=400, keep="best")[0] == 40


def test_a_training_ends_after_patience_without_a_better_epoch() -> None:
    values = [0.5, *[0.6] * 30]  # the mean over five epochs rises up to the sixth
    assert selected(values, epochs=100, patience=4, keep="best") == (6, 0.6, 10)
    assert selected(values, epochs=100, patience=4) == (10, 0.6, 10)
    falling = [1.0 - 0.01 * epoch for epoch in range(20)] + [0.81] * 11
    assert selected(values, falling, epochs=100, patience=4)[2] == 24 + 4  # the mean loss falls up to epoch 24


def test_rounding_makes_no_epoch_better() -> None:
    third = 1.0 / 3.0
    values = [0.1, third, 2 * third, third, 0.1 + 0.2, third + 0.2 - 0.2, 2 * third]
    assert selected([third] * 3 + [third + 1e-16] * 4, keep="best")[0] == 1
    assert selected(values, [1.0] * 7, keep="best")[0] == 4


def test_it_ends_with_the_planned_epochs_or_earlier() -> None:
    rising = [0.01 * epoch for epoch in range(20)]
    assert selected(rising, epochs=12, patience=3)[2] == 12
    assert selected(rising, epochs=12, last_epoch=7)[2] == 7


def test_what_is_not_finite_is_never_better() -> None:
    assert selected([0.5, math.nan, 0.9, 0.9, 0.9, 0.9, 0.9], keep="best")[0] == 5
    epoch, value, _ = selected([math.nan] * 3, keep="best")
    assert epoch == 1
    assert math.isnan(value)
    assert selected([0.5, 0.6, 0.7], [math.inf, -math.inf, 1e308], keep="best")[0] == 3


def test_a_resumed_selector_selects_the_same() -> None:
    values = [0.3, 0.8, 0.4, 0.6, 0.7, 0.65, 0.5, 0.5]
    whole = EpochSelector(recipe(keep="best")).observe_all((value, 1.0) for value in values)
    cut = EpochSelector(recipe(keep="best")).observe_all((value, 1.0) for value in values[:5])
    cut.observe_all((value, 1.0) for value in values[5:])
    assert vars(cut) == vars(whole)


def test_a_recipe_ends_after_the_median_of_the_epochs_of_its_trainings() -> None:
    ended = recipe(keep="best", patience=3, epochs=50).end_after([40, 7, 21])
    assert (ended.epochs, ended.keep, ended.patience, ended.last_epoch) == (50, "last", None, 21)
    assert recipe(epochs=9).end_after([9, 9]).last_epoch is None
    assert recipe(epochs=9).end_after([12]).last_epoch is None


@pytest.mark.parametrize("field", ["patience", "last_epoch"])
def test_a_stored_recipe_has_epochs_in_range(field: str) -> None:
    content = recipe().to_json()
    assert Recipe.from_json({**content, field: 3})
    with pytest.raises(RecipeError, match=field):
        Recipe.from_json({**content, field: 0})
    del content[field], content["keep"]  # as older versions wrote it
    assert Recipe.from_json(content) == Recipe.from_json(recipe().to_json())

"""The head and what metrics get from it.  No Keras here."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.catalog import HEADS, LOSSES, Task, ending_conflict, head_warning, resolve_head, second_activation, to_scores
from tuner.errors import UnknownNameError, UsageError

PAIRS = [(row.name, task) for row in LOSSES.values() for task in row.heads]


@pytest.mark.parametrize(
    ("loss", "task", "head"),
    [
        ("mean_squared_error", Task.REGRESSION, "linear"),
        ("mean_squared_error", Task.BINARY, "sigmoid"),
        ("mean_squared_error", Task.MULTICLASS, "softmax"),
        ("binary_crossentropy", Task.MULTILABEL, "sigmoid"),
        ("categorical_crossentropy", Task.MULTICLASS, "softmax"),
        ("kl_divergence", Task.MULTICLASS, "softmax"),
        ("hinge", Task.BINARY, "linear"),
        ("squared_hinge", Task.MULTILABEL, "linear"),
        ("categorical_hinge", Task.MULTICLASS, "linear"),
        ("quantile", Task.REGRESSION, "linear"),
    ],
)
def test_the_head_agrees_with_the_loss(loss: str, task: Task, head: str) -> None:
    assert resolve_head(loss, task) == head
    assert resolve_head(loss, task, "auto") == head


def test_a_head_asked_for_by_name_is_taken() -> None:
    assert resolve_head("binary_crossentropy", Task.BINARY, "model") == "model"
    for head in HEADS:
        assert resolve_head("binary_crossentropy", Task.BINARY, head) == head


def test_a_loss_for_another_task_names_those_that_fit() -> None:
    with pytest.raises(UsageError, match="huber is for regression and the task is binary. Use one of: binary_cross"):
        resolve_head("huber", Task.BINARY)


def test_an_unknown_head_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'sigmoid'"):
        resolve_head("hinge", Task.BINARY, "sigmoyd")


@pytest.mark.parametrize(
    ("head", "task", "words"),
    [
        ("softmax", Task.MULTICLASS, "softmax of softmax"),
        ("linear", Task.MULTICLASS, "but the loss takes raw outputs"),
        ("model", Task.MULTICLASS, None),
        ("linear", Task.REGRESSION, None),
    ],
)
def test_a_model_with_an_activation_before_its_head(head: str, task: Task, words: str | None) -> None:
    found = second_activation("softmax", "out", head, task)
    assert found is None if words is None else words in str(found)
    assert found is None or "(layer 'out')" in found


@pytest.mark.parametrize(
    ("activation", "head", "loss", "task", "words"),
    [
        ("softmax", "softmax", "categorical_crossentropy", Task.MULTICLASS, None),
        ("linear", "softmax", "categorical_crossentropy", Task.MULTICLASS, 'Set `activation="softmax"` there'),
        ("linear", "model", "categorical_crossentropy", Task.MULTICLASS, "must end in the activation softmax"),
        ("softmax", "model", "categorical_crossentropy", Task.MULTICLASS, None),
        ("softmax", "linear", "categorical_crossentropy", Task.MULTICLASS, "must end in no activation"),
        ("sigmoid", "tanh", "hinge", Task.BINARY, "the activation tanh for the loss hinge"),
        ("relu", "model", "categorical_crossentropy", Task.MULTICLASS, None),
        ("softplus", "model", "huber", Task.REGRESSION, None),
        ("softplus", "linear", "huber", Task.REGRESSION, "but layer 'out' has softplus"),
    ],
)
def test_a_whole_model_must_end_in_the_activation_of_the_recipe(
    activation: str, head: str, loss: str, task: Task, words: str | None
) -> None:
    found = ending_conflict(activation, "out", head, loss, task)
    assert found is None if words is None else words in str(found)


@pytest.mark.parametrize(("loss", "task"), PAIRS)
def test_only_warned_pairs_warn_with_their_own_head(loss: str, task: Task) -> None:
    warned = task in LOSSES[loss].warned
    assert (head_warning(loss, task, resolve_head(loss, task)) is not None) == warned
    assert head_warning(loss, task, "model") is None


@pytest.mark.parametrize(("loss", "task"), PAIRS)
@pytest.mark.parametrize("head", HEADS)
def test_every_other_head_has_a_reason(loss: str, task: Task, head: str) -> None:
    if head == resolve_head(loss, task):
        return
    warning = head_warning(loss, task, head)
    if "hinge" in loss and head == "tanh":
        assert warning is None
    else:
        assert warning


@pytest.mark.parametrize(
    ("loss", "task", "head", "words"),
    [
        ("mean_squared_error", Task.BINARY, "sigmoid", "stop learning"),
        ("binary_crossentropy", Task.BINARY, "relu", "0 for half of the inputs"),
        ("categorical_crossentropy", Task.MULTICLASS, "relu", "0 for half of the inputs"),
        ("categorical_crossentropy", Task.MULTICLASS, "sigmoid", "exclude each other"),
        ("binary_crossentropy", Task.BINARY, "softmax", "always 1"),
        ("hinge", Task.BINARY, "softmax", "always 1"),
        ("hinge", Task.BINARY, "sigmoid", "-1 and 1"),
        ("huber", Task.REGRESSION, "sigmoid", "between 0 and 1"),
    ],
)
def test_pairs_known_to_train_badly_say_why(loss: str, task: Task, head: str, words: str) -> None:
    assert words in (head_warning(loss, task, head) or "")


def test_probabilities_and_regression_outputs_pass_through() -> None:
    outputs = np.array([[0.25], [0.75]], np.float32)
    for head, task in (("sigmoid", Task.BINARY), ("softmax", Task.MULTICLASS), ("linear", Task.REGRESSION)):
        found = to_scores(outputs, head, task)
        assert found.dtype == np.float64
        assert found.tolist() == outputs.tolist()
    assert to_scores(np.array([[-3.0]]), "tanh", Task.REGRESSION).tolist() == [[-3.0]]


def test_margins_become_probabilities_with_the_same_decisions() -> None:
    margins = np.array([[-800.0], [-1.0], [0.0], [2.0], [800.0]])
    found = to_scores(margins, "linear", Task.BINARY)[:, 0]
    np.testing.assert_allclose(found, [0, 1 / (1 + np.e), 0.5, 1 / (1 + np.exp(-2)), 1], atol=1e-12)
    np.testing.assert_array_equal(to_scores(margins, "linear", Task.MULTILABEL)[:, 0], found)
    rows = np.array([[1000.0, 999.0, 0.0], [0.0, 0.0, 0.0]])
    found = to_scores(rows, "linear", Task.MULTICLASS)
    np.testing.assert_allclose(found, [[np.e / (1 + np.e), 1 / (1 + np.e), 0], [1 / 3] * 3], atol=1e-12)


def test_tanh_and_relu_are_moved_into_the_unit_interval() -> None:
    assert to_scores(np.array([[-1.0], [0.0], [0.5]]), "tanh", Task.BINARY)[:, 0].tolist() == [0.0, 0.5, 0.75]
    assert to_scores(np.array([[0.0], [0.3], [7.0]]), "relu", Task.BINARY)[:, 0].tolist() == [0.0, 0.3, 1.0]


def test_a_model_with_its_own_head_gives_what_its_loss_asks_for() -> None:
    outputs = np.array([[0.2], [3.0]])
    assert to_scores(outputs, "model", Task.BINARY).tolist() == outputs.tolist()
    assert to_scores(outputs, "model", Task.BINARY, "binary_crossentropy").tolist() == outputs.tolist()
    expected = to_scores(outputs, "linear", Task.BINARY).tolist()
    assert to_scores(outputs, "model", Task.BINARY, "hinge").tolist() == expected
    assert to_scores(outputs, "model", Task.REGRESSION).tolist() == outputs.tolist()

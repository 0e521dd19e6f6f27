"""Reshapes that change nothing are found, and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

tf = pytest.importorskip("tensorflow")

from tuner.engines.compiled.redundant_reshapes import find_reshapes_to_same_shape  # noqa: E402


def found_in(function: Callable[[Any], Any], *sizes: int | None) -> list[str]:
    spec = tf.TensorSpec(sizes, tf.float32)
    return list(find_reshapes_to_same_shape(tf.function(function, input_signature=[spec]).get_concrete_function()))


def flattened(x: Any) -> Any:
    """As `tf.nn.softmax_cross_entropy_with_logits` does it."""
    width = tf.slice(tf.shape(x), [tf.rank(x) - 1], [1])
    return tf.reshape(x, tf.concat([[-1], width], 0))


def test_a_shape_that_is_known_but_for_the_rows() -> None:
    assert len(found_in(flattened, None, 7)) == 1
    assert len(found_in(lambda x: tf.reshape(x, tf.shape(x)), None, 7)) == 1
    assert len(found_in(lambda x: tf.reshape(x, tf.stack([tf.shape(x)[0], 7])), None, 7)) == 1


@pytest.mark.parametrize(
    ("change", "sizes"),
    [
        (flattened, (None, 3, 7)),
        (flattened, (None, None)),
        (lambda x: tf.reshape(x, (-1, 7)), (None, 14)),
        (lambda x: tf.reshape(x, (-1,)), (None, 7)),
        (lambda x: tf.reshape(x, tf.reverse(tf.shape(x), [0])), (None, 7)),
        (lambda x: tf.reshape(x, (-1, 0)), (None, 0)),
    ],
)
def test_a_shape_that_is_another_or_may_be(change: Callable[[Any], Any], sizes: tuple[int | None, ...]) -> None:
    assert found_in(change, *sizes) == []

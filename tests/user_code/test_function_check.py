"""What looks like a function and is none gets one sentence with the next step."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from tuner.errors import ContentError
from tuner.user_code import check_function, is_live


def build(inputs: Any, outputs: Any) -> Any:
    return inputs, outputs


async def awaited(inputs: Any) -> Any:
    return inputs


class Model:
    """What is asked of a model of Keras, without Keras."""

    name = "net"

    def __call__(self, x: Any) -> Any:
        return x


class Sequential(Model):
    pass


class Huber:
    """What is asked of a loss of Keras."""


Model.__module__ = "keras.src.models.model"
Sequential.__module__ = "keras.src.models.sequential"
Huber.__module__ = "keras.src.losses.losses"


def test_functions_and_classes_pass() -> None:
    check_function(build, "model")
    check_function(Huber, "search.loss")
    check_function(functools.wraps(build)(lambda *given: build(*given)), "model")
    assert not any(map(is_live, ("adam", 1, None, [build], {"a": build})))
    assert all(map(is_live, (build, Huber, Huber(), Model())))


@pytest.mark.parametrize(
    ("value", "key", "words"),
    [
        (lambda inputs: inputs, "model", "a lambda, which has no name of its own. Write it with def"),
        (functools.partial(build, 1), "model", r'a partial of build. Give build itself, .* search=\{"model": \{…\}\}'),
        (functools.partial(build), "search.loss", r'search=\{"loss_options": \{build: \{…\}\}\}'),
        (Sequential(), "model", r"the Sequential 'net', which already exists.* into def build\(inputs, outputs"),
        (Sequential, "model", r"the class Sequential. Make it in def build\(inputs"),
        (Huber(), "search.loss", r"a Huber that already exists. .* arguments in search=\{'loss_options': …\}"),
        (awaited, "model", "the async function awaited"),
        ("".join, "objective.metric", "the built-in join. Write a function around it"),
        (Model().__call__, "objective.metric", "a method of a Model"),
        (print, "search.loss", "the built-in print"),
    ],
)
def test_what_is_none_is_refused(value: Any, key: str, words: str) -> None:
    with pytest.raises(ContentError, match=words) as caught:
        check_function(value, key)
    assert str(caught.value).startswith(f"`{key}` must be a function ")

"""Values of `search` as Python lists them."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tuner.errors import UsageError
from tuner.space import Categorical
from tuner.study import python_study, read_study_dict

LISTS: dict[str, Any] = {
    "list": [16, 32],
    "tuple": (16, 32),
    "range": range(16, 33, 16),
    "deque": deque([16, 32]),
    "values": {"a": 16, "b": 32}.values(),
    "keys": {16: "a", 32: "b"}.keys(),
    "array": np.array([16, 32]),
    "scalars": [np.int64(16), np.uint8(32)],
    "series": pd.Series([16, 32], index=["a", "b"]),
    "index": pd.Index([16, 32]),
    "tensor": tf.constant([16, 32]),
}


def choices(search: dict[str, Any], name: str, project: Path) -> Any:
    """The values that a study is left with, as keyword arguments and as the content of a study file."""
    given = {"name": "s", "model": "models/mlp.py", "data": {"source": "iris"}, "search": search}
    from_keywords = read_study_dict(python_study(given, project).content, project).space[name].parameter
    assert read_study_dict(given, project).space[name].parameter == from_keywords
    assert isinstance(from_keywords, Categorical)
    return from_keywords.choices


@pytest.mark.parametrize("kind", LISTS)
def test_what_lists_values_is_a_list(kind: str, tmp_path: Path) -> None:
    values = LISTS[kind]
    assert choices({"batch_size": values}, "batch_size", tmp_path) == (16, 32)
    assert choices({"batch_size": {"choices": values}}, "batch_size", tmp_path) == (16, 32)
    assert choices({"model": {"units": values}}, "model.units", tmp_path) == (16, 32)


def test_values_of_other_types(tmp_path: Path) -> None:
    rates = pd.Series([0.1, 0.01], dtype="float32")
    assert choices({"learning_rate": rates}, "learning_rate", tmp_path) == (0.1, 0.01)
    names = pd.Series(["sgd", "adam"], dtype="category")
    assert choices({"optimizer": names}, "optimizer", tmp_path) == ("sgd", "adam")
    classes = {"a": keras.optimizers.SGD, "b": keras.optimizers.Adam}.values()
    content = python_study({"model": "m.py", "data": "iris", "search": {"optimizer": classes}}, tmp_path).content
    assert content["search"]["optimizer"] == ["sgd", "adam"]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("batch_size", (2**n for n in range(4, 6)), r"<generator object .*type generator\. Put list\(…\) around it"),
        (
            "batch_size",
            {"a": 16}.items(),
            r'type dict_items\. Pairs are no values: write {"batch_size": list\(…\.values',
        ),
        ("batch_size", map(int, "12"), r'type map\. Put list\(…\) around it, as in {"batch_size": list\(…\)}\.'),
        ("batch_size", {32, 16}, r'type set\. A set has no order: write a list, as in {"batch_size": \[16, 32\]}\.'),
        ("batch_size", {1, "a"}, r'write a list, as in {"batch_size": \[…\]}\.'),
        (
            "batch_size",
            range(9, 5000, 2),
            r"at most 1,000 values, but .* has 2,496\. .*9, \"high\": 4999, \"step\": 2}",
        ),
        (
            "clipping",
            [None, "clipnorm"],
            r'one of \[None, .* is None\. Write "none", as in {"clipping": \["none", …\]}',
        ),
        ("batch_size", (None, 16), r"is None\. Leave it out\."),
        ("learning_rate", [0.1, 1j], r"`search.learning_rate` must be .*, but got 1j of type complex\. .*\"low\": …"),
        ("loss", [object()], r"`search.loss` must be a string, a number or a boolean, .* of type object\."),
    ],
)
def test_what_lists_none_is_refused_with_what_to_write(name: str, value: Any, words: str, tmp_path: Path) -> None:
    given = {"name": "s", "model": "models/mlp.py", "data": {"source": "iris"}, "search": {name: value}}
    with pytest.raises(UsageError, match=words):
        python_study(given, tmp_path)
    with pytest.raises(UsageError, match=f"`search.{name}` "):
        read_study_dict(given, tmp_path)

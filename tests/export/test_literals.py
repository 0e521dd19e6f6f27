"""Whatever is written into a script is a value there, and no code."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.export.script.literals import comment, docstring, literal, source_literal

TEXTS = st.text(st.characters(), max_size=30) | st.text("\"'\\\n\r\f\0 {}%#abc\u2028\u202e\ud800é", max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)


@given(VALUES, st.sampled_from([None, 20, 110]))
def test_a_value_is_one_literal(value: Any, width: int | None) -> None:
    text = literal(value, width)
    assert ast.literal_eval(text) == value
    assert text.encode().decode().isprintable() or width is not None
    if isinstance(value, str):
        assert isinstance(ast.parse(text, mode="eval").body, ast.Constant)


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_a_number_that_is_not_finite(value: float) -> None:
    assert repr(eval(literal(value))) == repr(value)


class Text(str):
    pass


@pytest.mark.parametrize("value", [object(), b"x", [object()], {"a": {1, 2}}, [float("nan")], Text("x")])
def test_what_is_no_plain_value_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="script holds"):
        literal(value)


@given(TEXTS)
def test_a_text_is_one_docstring(text: str) -> None:
    source = docstring(text) + "\nx = 1\n"
    module = ast.parse(source)
    assert len(module.body) == 2
    assert ast.get_docstring(module, clean=False) == text
    source.encode("utf-8")


@given(TEXTS)
def test_a_comment_has_one_line(text: str) -> None:
    source = comment(text)
    assert source.startswith("# ")
    assert source.isprintable()
    assert not ast.parse(source + "\n").body


@given(TEXTS | st.text("'\"\\\nab\f", max_size=12))
def test_a_program_is_one_literal(text: str) -> None:
    source = source_literal(text)
    assert ast.literal_eval(source) == text
    source.encode("utf-8")


def test_a_program_keeps_its_lines() -> None:
    assert source_literal("def f():\n    return '\\n'\n") == "r'''def f():\n    return '\\n'\n'''"

"""The template of a script takes nothing that was not quoted."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.export.script.training_source import template_environment

TEXTS = st.text(st.characters(), max_size=30) | st.text("\"'\\\n\r{}%#<>&\0\ud800", max_size=20)


def rendered(source: str, **values: object) -> str:
    return template_environment().from_string(source).render(**values)


@given(TEXTS)
def test_a_text_in_the_template_is_one_literal(text: str) -> None:
    tree = ast.parse(rendered("x = {{ text | literal }}", text=text))
    assert ast.literal_eval(tree.body[0].value) == text  # type: ignore[attr-defined]


@pytest.mark.parametrize("source", ["{{ text }}", "{{ 1 }}", "{{ text.upper() }}", "{{ (text | literal) ~ text }}"])
def test_a_value_that_went_through_no_filter_is_refused(source: str) -> None:
    with pytest.raises(TypeError, match="no filter|through none"):
        rendered(source, text="a")


def test_a_value_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError, match="plain values"):
        rendered("{{ nothing | literal }}")


@pytest.mark.parametrize("name", ["f()", "class", "a b", "", "ﬁ"])
def test_a_name_is_one_name(name: str) -> None:
    assert rendered("{{ name | name }}", name="accuracy") == "accuracy"
    with pytest.raises(TypeError, match="names of Python"):
        rendered("{{ name | name }}", name=name)

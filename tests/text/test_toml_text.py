"""What is written as TOML is read again as it was."""

from __future__ import annotations

import string
import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.text.toml_writer import WIDTH, toml_text

KEYS = st.text(string.ascii_letters + string.digits + "_- äß\"'#=\\\n\t\0\x7f", min_size=1, max_size=8)
SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_content_is_read_again(content):
    assert tomllib.loads(toml_text(content, ())) == content


def test_sections_stand_behind_the_values_and_an_outer_one_without_values_has_no_header():
    content = {"a": {"b": {"x": 1}, "c": {}}, "n": 1, "d": {"y": 2, "e": {"z": 3}}}
    text = toml_text(content, {"a", "a.b", "a.c", "d", "d.e"})
    assert tomllib.loads(text) == content
    assert [line for line in text.splitlines() if line.startswith("[")] == ["[a.b]", "[a.c]", "[d]", "[d.e]"]
    assert text.startswith("n = 1")


def test_a_list_of_tables_is_a_section_each():
    content = {"n": 1, "s": [{"x": 1, "t": {"y": [2]}}, {"x": 3, "t": {}}]}
    text = toml_text(content, {"s", "s.t"})
    assert tomllib.loads(text) == content
    assert [line for line in text.splitlines() if line.startswith("[")] == ["[[s]]", "[s.t]", "[[s]]", "[s.t]"]
    assert tomllib.loads(toml_text(content, ())) == content


def test_numbers_are_short_and_exact():
    text = toml_text({"a": 1e-4, "b": 0.001, "c": 1e22, "d": 3e-05, "e": 1.0, "f": 0.1 + 0.2}, ())
    assert text.splitlines() == [
        "a = 0.0001",
        "b = 0.001",
        "c = 1e+22",
        "d = 3e-05",
        "e = 1.0",
        "f = 0.30000000000000004",
    ]


def test_none_is_left_out():
    assert toml_text({"a": None, "b": {"c": None, "d": 1}}, ()) == "b = {d = 1}\n"


def test_long_lists_and_comments_are_folded():
    content = {"x": [0.123456 + k for k in range(60)], "y": 1}
    text = toml_text(content, (), {"y": "word " * 60})
    assert tomllib.loads(text) == content
    assert max(map(len, text.splitlines())) <= WIDTH
    assert sum(line.startswith("# word") for line in text.splitlines()) == 3

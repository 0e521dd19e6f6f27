"""Whatever a text holds, it is text where it arrives."""

from __future__ import annotations

import ast
import csv
import io
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tuner.text.quoting import csv_text, one_line, plain, python_text, shell_command, tuner_command, visible_line

ANY = st.text(st.characters())  # half characters as well
CONTROL = "".join(map(chr, [*range(9), *range(11, 32), *range(127, 160), 0x202E, 0x2066, 0x2028, 0xD800]))
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(ANY | st.text(st.sampled_from(CONTROL + "[]0;m\\n")))
@example(CONTROL)
def test_a_plain_text_holds_no_control_character(text: str) -> None:
    assert not set(plain(text)) & set(CONTROL)
    assert plain(plain(text)) == plain(text)
    plain(text).encode("utf-8")


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"])))
def test_a_text_without_any_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[1mArgument\x1b[0m is wrong", "Argument is wrong"),
        ("\x1b[38;5;196mred\x9b0m", "red"),
        ("\x1b]0;title\x07name", "name"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;never ended, so it is shown", "0;never ended, so it is shown"),
        ("\x1bcreset", "reset"),
        ("cut in a sequence \x1b[1", "cut in a sequence 1"),
        ("two\r\nlines\tand a tab", "two\nlines\tand a tab"),
        ("over\rwritten \x07 \u202eesrever", "over\\rwritten \\x07 \\u202eesrever"),
        ("half \udcff", "half \\udcff"),
        (3, "3"),
    ],
)
def test_what_is_left_of_escape_sequences(text: object, expected: str) -> None:
    assert plain(text) == expected


@given(ANY)
def test_a_visible_line_is_one_line(text: str) -> None:
    assert len(visible_line(text + "x").splitlines()) == 1


def test_a_line_break_is_visible() -> None:
    assert visible_line("a\r\nb\n") == r"a\nb\n"


def test_a_message_on_one_line() -> None:
    assert one_line("a \x1b[1mbold\x1b[0m\n  word\r\n") == "a bold word"


def test_it_takes_no_longer_for_hostile_texts() -> None:
    for unit in ("\x1b", "\x1b[", "\x1b]", "\x9d", "\x1b[0", "\x1b]0;a", "\x1b "):
        plain(unit * 50_000)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("+A1", "'+A1"),
        ("-A1", "'-A1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\n=1", "'\n=1"),
        (" =1", "' =1"),
        ("\r=1", "\\r=1"),
        ("\x00=1", "\\x00=1"),
        ("\uff1d1", "'\uff1d1"),
        ("\x1b[1m=1", "'=1"),
        ("-1.5e-3", "-1.5e-3"),
        (-1.5, "-1.5"),
        (-2, "-2"),
        (None, ""),
        ("dense, 1", "dense, 1"),
    ],
)
def test_a_cell_is_no_formula(cell: object, expected: str) -> None:
    rows = list(csv.reader(io.StringIO(csv_text([["x", cell], [cell, "x"]]), newline="")))
    assert rows == [["x", expected], [expected, "x"]]


@given(st.lists(WORDS, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
@example(["it's", "a b", "$(id)", "`id`", "\n", "\x1b[1m", "ä\\", "-x"])
def test_a_shell_reads_the_words_that_were_meant(words: list[str]) -> None:
    line = shell_command("printf", "%s\\0", *words)
    assert plain(line) == line
    assert "\n" not in line
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True)
    assert done.stdout == "".join(f"{word}\0" for word in words).encode()


def test_a_command_for_a_name_with_blanks_and_one_that_looks_like_an_option() -> None:
    assert tuner_command("best", "digits") == "tuner best digits"
    assert tuner_command("train", "my first", "-o", "my first.keras") == "tuner train 'my first' -o 'my first.keras'"
    assert tuner_command("train", "-x", "-o", "x.keras") == "tuner train -o x.keras -- -x"


@given(ANY)
@example("a\"b\\'\n\x1b日\udcff")
def test_a_text_in_python_is_that_text(text: str) -> None:
    literal = python_text(text)
    assert ast.literal_eval(literal) == text
    assert plain(literal) == literal
    assert literal[0] == literal[-1] == '"'

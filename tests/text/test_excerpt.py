"""Texts of user code, bounded and clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.text.text_excerpt import LOG_CHARS, STORED_CHARS, TrialLogs, excerpt, first_sentences, format_error, shorten


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    text = "Traceback\n" + "x" * 20_000_000 + "\nValueError: the reason"
    found = excerpt(text, more="; see a file")
    assert len(found) < STORED_CHARS + 100
    assert found.startswith("Traceback\nxxx")
    assert found.endswith("ValueError: the reason")
    assert f"[… {len(text) - STORED_CHARS:,} characters left out; see a file …]" in found


def test_a_short_text_stays() -> None:
    text = "Traceback\n\tline – ü\n"
    assert excerpt(text) == text


def test_nothing_of_it_moves_a_cursor_or_is_refused_by_a_database() -> None:
    for text in ("\x1b[1mbold\x1b[0m \x00 \udcff", "\x1b[1mbold\x1b[0m \x00 \udcff" + "x" * 10_000):
        found = excerpt(text, 1000)
        assert found.startswith("bold \\x00 \\udcff")
        found.encode()


def test_an_error_is_one_plain_line_cut_behind_a_word() -> None:
    line = format_error(ValueError("\x1b[1mArguments\x1b[0m\n" + "word " * 1000))
    assert line.startswith("ValueError: Arguments word word")
    assert line.endswith("word…")
    assert len(line) < 520
    assert shorten("x" * 50, 10) == "x" * 9 + "…"


def test_an_error_that_cannot_say_what_it_is() -> None:
    class Odd(Exception):  # noqa: N818
        def __str__(self) -> str:
            raise RuntimeError

    assert format_error(Odd()) == "Odd: its message cannot be read (RuntimeError)"


def test_the_whole_text_is_beside(tmp_path: Path) -> None:
    logs = TrialLogs(tmp_path, "../my study?")
    assert logs.keep(1, "short") == "short"
    assert not (tmp_path / "runs").exists()
    stored = logs.keep(3, "y" * (LOG_CHARS - 1))
    (file,) = (tmp_path / "runs" / "logs").iterdir()
    assert file.name == "..%2Fmy study%3F-3.log"
    assert f"see runs/logs/{file.name} …]" in stored
    assert file.read_text() == "y" * (LOG_CHARS - 1)
    logs.keep(3, "z" * 20_000_000)
    assert file.stat().st_size < LOG_CHARS + 100


def test_a_folder_that_cannot_be_written_loses_no_trial(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    assert "characters left out …]" in TrialLogs(tmp_path, "s").keep(0, "x" * 10_000)


@pytest.mark.parametrize(
    ("limit", "kept"),
    [
        (100, "Call `f()`. It is (not) 3.5 m. Is it? End."),
        (30, "Call `f()`. It is (not) 3.5 m."),
        (29, "Call `f()`."),
        (10, "Call `f()…"),
    ],
)
def test_a_text_is_cut_at_a_sentence(limit: int, kept: str) -> None:
    assert first_sentences("Call `f()`. It is (not)\n3.5 m. Is it? End", limit) == kept

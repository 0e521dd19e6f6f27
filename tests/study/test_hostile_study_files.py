"""Study files that are made to take long, or are no files: each is read or refused at once."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tuner.errors import StudyFileError
from tuner.study import read_study
from tuner.study.problems import MAX_PROBLEMS
from tuner.study.study_file_syntax import MAX_BYTES

START = 'name = "a"\nmodel = "models/mlp.py"\n[data]\nsource = "iris"\n'


def filled(piece: str, start: str = "", end: str = "") -> str:
    """A text of the largest size that is read, of one piece again and again."""
    return start + piece * ((MAX_BYTES - len(start) - len(end)) // len(piece)) + end


def numbered(pattern: str, start: str = "", count: int = 18_000) -> str:
    return start + "".join(pattern.format(number) for number in range(count))


CASES = {
    "a key of many parts.toml": (filled("a.", end="a = 1"), "at most 32 parts .at line 1"),
    "a section of many parts.toml": (filled('"a" . ', START + "[", "a]"), "at most 32 parts .at line 5"),
    "quotes in keys.toml": (filled(r'"\"".', end="a = 1"), "at most 32 parts"),
    "open quotes.toml": (filled(r"\""), "must be TOML"),
    "many sections.toml": (numbered("[t{}]\n"), "there may be more problems"),
    "many keys.toml": (numbered("k{} = 1\n"), "there may be more problems"),
    "many dimensions.toml": (numbered("k{} = 1\n", START + "[search]\n"), "there may be more problems"),
    "many keys of data.toml": (numbered("k{} = 1\n", START), "there may be more problems"),
    "many keywords.toml": (numbered("k{} = 1\n", START + "[search.model]\n"), "there may be more problems"),
    "a long name.toml": (filled("a", "opt", " = 1"), "there is no such key"),
    "deep lists.toml": (filled("[", "a = "), "nested too deep"),
    "many values.yaml": (filled("1,", "a: [", "1]"), "at most 40,000 tokens"),
    "many signs.yaml": (filled("%a\n"), "at most 40,000 tokens"),
    "a number in base 60.yaml": (filled("1:", "seed: ", "1"), "at most 400 digits"),
    "a long number.yaml": (filled("1", "seed: "), "at most 400 digits"),
    "deep lists.yaml": (filled("[", "a: "), "nested too deep"),
    "deep tables.yaml": (filled("{a: ", "a: "), "nested too deep"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_file_is_refused_at_once(name: str, tmp_path: Path) -> None:
    text, words = CASES[name]
    (tmp_path / name).write_text(text, encoding="utf-8")
    began = time.process_time()
    with pytest.raises(StudyFileError, match=words) as caught:
        read_study(tmp_path / name)
    assert time.process_time() - began < 2
    assert len(caught.value.problems) <= MAX_PROBLEMS + 1
    assert len(str(caught.value)) < 100_000


def test_a_list_of_many_names_is_read(tmp_path: Path) -> None:
    names = ", ".join(f'"gene {number}"' for number in range(15_000))
    for name, text in (("a.toml", f"{START}drop = [{names}]"), ("a.yaml", f"data: {{source: iris, drop: [{names}]}}")):
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(StudyFileError, match="dropped column must be in the data, but iris has no .gene 0"):
            read_study(tmp_path / name)


@pytest.mark.parametrize(
    "text", ["a: !!int x", "a: !!float", "a: 2026-13-45", "a: !!binary ä", "a: 1__:", "? a\n: [*b]"]
)
def test_what_yaml_raises_is_a_report(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(StudyFileError):
        read_study(tmp_path / "a.yaml")


@pytest.mark.parametrize("kind", ["a named pipe", "a device", "a folder"])
def test_a_study_is_a_regular_file(kind: str, tmp_path: Path) -> None:
    place = tmp_path / "a.toml"
    match kind:
        case "a named pipe":
            os.mkfifo(place)
        case "a device":
            place.symlink_to("/dev/zero")
        case _:
            place.mkdir()
    with pytest.raises(StudyFileError, match=f"given:   {kind}|this is a folder"):
        read_study(place)

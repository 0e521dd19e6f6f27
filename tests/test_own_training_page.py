"""The script of `docs/own-training.md`, before and after: ten lines change, and both are what the page shows."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path

from tuner.study import read_study_dict

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "own-training.md").read_text(encoding="utf-8")


def script(folder: str) -> list[str]:
    return (DOCS / "own-training" / folder / "mixup.py").read_text(encoding="utf-8").splitlines()


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_ten_lines_change_and_the_page_shows_them() -> None:
    changes = [*difflib.unified_diff(script("before"), script("after"), lineterm="", n=0)][2:]
    changes = [line for line in changes if not line.startswith("@@") and line[1:].strip()]
    assert sum(line.startswith("-") for line in changes) == 10
    assert sum(line.startswith("+") for line in changes) <= 10
    assert fenced("diff") == ["\n".join(changes) + "\n"]
    lines = [len(script(folder)) for folder in ("before", "after")]
    assert f"of {lines[0]} lines trains" in PAGE
    assert f"has {lines[1]}:" in PAGE


def test_the_study_of_the_page_searches_its_loop() -> None:
    file = DOCS / "own-training" / "after" / "mixup.toml"
    text = file.read_text(encoding="utf-8")
    assert text in fenced("toml")
    content = tomllib.loads(text) | {"data": {"source": "digits"}}  # the data function of the page imports TensorFlow
    spec = read_study_dict(content, file.parent)
    assert spec.space["loop.mixup.py:train.strength"].is_searched
    assert list(spec.user_objects.files) == ["mixup.py:train"]

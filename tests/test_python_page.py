"""The examples of `docs/python.md` run, and write the files that the page says."""

from __future__ import annotations

import re
from pathlib import Path

import mock_study
import pytest
from notebook_cells import Session

import tuner.runner.launch
from tuner.executors import InlineExecutor

PAGE = (Path(__file__).parents[1] / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLES = [code for code in BLOCKS if "tuner.run" in code or "study.data" in code]


@pytest.mark.slow
def test_the_examples_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tuner.runner.launch, "LocalExecutor", lambda *_, **__: InlineExecutor(mock_study.trainer))
    session = Session()
    for code in EXAMPLES:
        session.run(code)
    written = {path.as_posix() for path in Path().rglob("*.*")}
    named = set(re.findall(r"`((?:studies|runs)/[^`]+)`", PAGE)) - {"studies/NAME.toml"}
    assert named <= written
    assert len(session.names["study"].trials) == 2

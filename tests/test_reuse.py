"""The code of `docs/reuse.md` runs, block after block, as it stands there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import mock_study
import pytest
from in_process import InProcess

import tuner.api
from tuner.export import export
from tuner.results import read_study_results
from tuner.storage import default_url, open_database

PAGE = (Path(__file__).parents[1] / "docs" / "reuse.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_code_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    database = open_database(default_url(tmp_path), create=True)
    data = {"source": "digits"}
    spec = mock_study.spec_of(tmp_path, name="digits", data=data, budget={"trials": 25, "epochs": 1})
    mock_study.run(spec, database)
    exported = export(read_study_results(database, "digits"), tmp_path)
    (tmp_path / "best.json").write_text(json.dumps(exported.to_json()), encoding="utf-8")
    monkeypatch.setattr(
        tuner.api, "LocalExecutor", lambda place, workers, prepared: InProcess(place, prepared, workers)
    )
    names: dict[str, Any] = {}
    printed = []
    for block in BLOCKS:
        exec(compile(block, "docs/reuse.md", "exec"), names)
        printed.append(capsys.readouterr().out)
    assert (tmp_path / "digits.keras").is_file()
    train, plain, ours, _, _, classes, notebook, again, _ = printed
    assert train.startswith("winner 0.")
    assert re.fullmatch(r"\[\d( \d){4}\]\n", plain)
    assert re.match(r"\['\d'( '\d'){4}\] \('0', '1', '2'\) 0\.", ours)
    assert re.fullmatch(r"\['\d'(, '\d'){4}\]\n", classes)
    assert notebook.count("\n") == 1 + 3 + 3
    assert again.count("\n") >= 2 + 4
    assert (tmp_path / "best.keras").is_file()
    assert type(names["own"].optimizer) is type(names["model"].optimizer)

"""`docs/notebook.md` runs as a notebook, from an empty folder, with nothing written by hand."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "notebook.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python|sh)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CELLS = [text if language == "python" else f"!{text}" for language, text in BLOCKS]
COMPARED = """
import json, subprocess
shown = json.loads(subprocess.run(["tuner", "show", "moons", "--json"], capture_output=True, check=True).stdout)
rows, frame = shown["trials"], study.trials
assert list(frame.index) == [row["number"] for row in rows]
for column in ("state", "value", "epochs", "engine", "duration_s"):
    assert [None if value != value else value for value in frame[column]] == [row[column] for row in rows], column
for row in rows:
    assert {name: frame.loc[row["number"], name] for name in row["params"]} == row["params"]
"""


def executed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], int]:
    """Run the cells of the page, and one that compares the table with `tuner show`.

    Returns:
        The cells with their outputs, and how often the cell of the run updated what it shows.
    """
    import nbclient
    import nbformat

    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in [*CELLS, COMPARED]])
    updates: list[int] = []

    class Watching(nbclient.NotebookClient):  # type: ignore[name-defined, misc]
        """Notes each update of an output."""

        def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
            updates.extend([cell_index] * (msg["msg_type"] == "update_display_data"))
            return super().process_message(msg, cell, cell_index)

    where = {"metadata": {"path": str(folder)}}
    Watching(notebook, timeout=500, kernel_name="python3", resources=where).execute()
    (run,) = (place for place, text in enumerate(CELLS) if "tuner.run(" in text)
    return list(notebook.cells), updates.count(run)


def outputs(cells: list[Any], source: str) -> dict[str, Any]:
    """Return what the cell that contains a text displays, by MIME type."""
    (cell,) = (cell for cell in cells if source in cell.source)
    return {kind: value for output in cell.outputs for kind, value in output.get("data", {}).items()}


@pytest.mark.slow
def test_the_page_is_a_notebook_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells, updates = executed(tmp_path, monkeypatch)
    assert updates > 5
    shown = str([cell.outputs for cell in cells if "tuner.run(" in cell.source])
    assert "20/20 trials" in shown
    assert "Warning" not in shown
    assert "(trial " in outputs(cells, "tuner.run(")["text/html"]
    assert outputs(cells, "sort_values")["text/html"].count("<tr") == 7
    for name in ("history", "learning_curves", "importances"):
        assert outputs(cells, f'plot("{name}")')["application/vnd.plotly.v1+json"]["data"]
    said = "".join(output.get("text", "") for cell in cells if cell.source.startswith("!") for output in cell.outputs)
    assert "all trials are done" in said, said
    assert outputs(cells, "len(study.trials)")["text/plain"] == "24", said
    loss = outputs(cells, "best.compile(network)")["text/plain"]
    assert 0.0 < float(str(loss).strip("[]").split(",")[0]) < 1.0
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "studies"}
    assert {path.name for path in (tmp_path / "studies").iterdir()} == {"moons.toml", "moons.py", "moons.npz"}

"""A run in a real pseudo-terminal: what a person sees, and what Ctrl-C leaves."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from pseudo_terminal import Terminal, visible

TESTS = Path(__file__).parents[1]
RUN = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import mock_study
import tuner.runner.launch
from tuner.cli import main
from tuner.executors import InlineExecutor
tuner.runner.launch.LocalExecutor = lambda *_, **__: InlineExecutor(
    lambda recipe: mock_study.trainer(recipe, epoch_s=0.1), 2
)
sys.argv = ["tuner", "run", "study.toml"]
main()
"""
STUDY = """
name = "mock"
model = "models/mlp.py"
data = { source = "iris" }
search = { optimizer = ["sgd", "adam"], learning_rate = { low = 1e-4, high = 1.0, log = true } }
budget = { trials = 200, epochs = 5 }
"""
COLUMNS, ROWS = 60, 16


@pytest.mark.slow
def test_progress_fits_and_ctrl_c_leaves_nothing_of_it(tmp_path):
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    terminal = Terminal([sys.executable, "-c", RUN], COLUMNS, ROWS, tmp_path)
    seen: list[list[str]] = []

    def look(seconds, screen):
        seen.append(visible(screen))
        rows = [line for line in seen[-1] if re.match(r"\s*\d+\s+[1-5]/5\s+0\.\d+\s+(sgd|adam)\s", line)]
        if len(rows) == 2 and len(pressed) < 2 and (not pressed or seconds - pressed[-1] > 0.3):
            pressed.append(seconds)
            return "\x03"
        return None

    pressed: list[float] = []
    assert terminal.run(look, limit_s=60.0) == 130
    assert len(pressed) >= 1
    assert max(len(line) for lines in seen for line in lines) <= COLUMNS
    left = terminal.lines()
    assert any(line.startswith("Finishing 2 running trials") for line in left)
    assert not any(re.match(r"trial\s+epoch|━", line) for line in left)
    assert not any("^C" in line for line in left)

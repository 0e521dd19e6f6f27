"""The types of the package hold, as `mypy --strict` reads them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


@pytest.mark.slow
def test_mypy_has_nothing_to_say():
    command = [sys.executable, "-m", "mypy", "tuner"]  # its cache is kept for the next run
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"

"""What a command may import: `tuner --help` answers at once, and only workers pay for TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
KERAS = {"tensorflow", "keras", "torch", "jax"}
SEARCH = {"optuna", "sqlalchemy", "alembic"}
DATA = {"numpy", "pandas", "sklearn", "scipy", "pyarrow", "PIL", "plotly", "matplotlib"}
ELSE = {"rich", "pydantic", "yaml", "optuna_dashboard", "requests"}
FULL = KERAS | SEARCH | DATA | ELSE

_CALL = """
import sys
from tuner.cli import main
sys.argv = ["tuner", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def imported_by(*arguments: str) -> set[str]:
    """Top-level modules that the command had imported when it ended."""
    command = [sys.executable, "-c", _CALL, *arguments]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("show", "--help"), ("check", "--help")])
def test_help_imports_nothing_heavy(arguments):
    assert not imported_by(*arguments) & FULL


def test_check_imports_neither_keras_nor_plots():
    found = imported_by("check", "studies/digits.toml")
    assert "tuner" in found
    assert not found & (KERAS | {"sklearn", "pandas", "plotly", "matplotlib", "optuna_dashboard"})


def test_a_file_is_read_without_optuna_and_sqlalchemy():
    found = imported_by("show", "small", "--storage", "sqlite:///tests/kept_study/tuner-0.1.0.db")
    assert "sqlite3" in found
    assert not found & (KERAS | SEARCH | {"scipy", "sklearn", "pandas", "plotly"})


def test_schema_imports_neither_keras_nor_optuna():
    assert not imported_by("schema") & (KERAS | SEARCH | {"sklearn", "pandas", "plotly"})


def test_the_library_is_imported_without_optuna():
    call = "import sys, tuner; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", call], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & FULL


def test_what_runs_and_trains_studies_is_imported_without_keras():
    """The coordinator of `run` and `train`: workers alone pay for TensorFlow."""
    call = "import sys, tuner.api, tuner.refit, tuner.refit.refit_study; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", call], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & (KERAS | {"sklearn", "plotly", "matplotlib", "ray"})

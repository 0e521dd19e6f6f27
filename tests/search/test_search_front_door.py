"""What importing the package does."""

from __future__ import annotations

import subprocess
import sys

import tuner.search
from tuner.search import PRUNERS, SAMPLERS


def test_reading_the_tables_imports_no_heavy_package():
    code = (
        "import sys; from tuner.search import SAMPLERS, PRUNERS\n"
        "for table in (SAMPLERS, PRUNERS): [row.defaults() for row in table.values()]\n"
        "print([name for name in ('optuna', 'scipy', 'torch', 'tensorflow', 'keras') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_exists():
    assert all(hasattr(tuner.search, name) for name in tuner.search.__all__)
    assert tuner.search.DEFAULT_SAMPLER in SAMPLERS
    assert tuner.search.DEFAULT_PRUNER in PRUNERS

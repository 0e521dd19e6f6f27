"""What importing the package does, and opening a study."""

from __future__ import annotations

import subprocess
import sys

import optuna
import pytest

import tuner.search
from tuner.search import PRUNERS, SAMPLERS, open_study
from tuner.space import Dimension, Float, Space


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


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_study_is_made_and_found_again_in_silence(direction, capfd):
    storage = optuna.storages.InMemoryStorage()
    space = Space([Dimension("x", Float(0.0, 1.0))])
    before = optuna.logging.get_verbosity()
    for trials in (1, 2):
        sampler = SAMPLERS["random"].build(0, space, 10)
        study = open_study(storage, "s", direction, sampler, PRUNERS["none"].build(5))
        study.ask()
        assert len(study.trials) == trials
    assert study.direction.name.lower() == direction
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr().err == ""

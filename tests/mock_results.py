"""Studies that cost nothing, for the tests of results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mock_study

from tuner.results import StoredStudy, read_study_results
from tuner.storage import open_database


def mock_results(folder: Path, *, diverges_above: float = 1.0, **sections: Any) -> StoredStudy:
    """The mock study after 60 random trials, none of them pruned; `quality` says what is best."""
    database = open_database(url_of(folder), create=True)
    usual = {"sampler": {"name": "random"}, "budget": {"trials": 60, "epochs": 5}}
    spec = mock_study.spec_of(folder, **{**usual, **sections})
    mock_study.run(spec, database, diverges_above=diverges_above)
    return read_study_results(database, spec.name)


def url_of(folder: Path) -> str:
    """The database of a mock study."""
    return f"sqlite:///{folder}/runs/tuner.db"

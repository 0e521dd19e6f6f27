"""Old keys are refused with their new names in a study file, and renamed in what a database has kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mock_study import spec_of

from tuner.errors import StudyFileError
from tuner.search import PRUNERS, SAMPLERS
from tuner.study import fingerprint, with_new_names
from tuner.study.renamed_keys import RENAMED

OLD = [(section, old, new) for section, keys in RENAMED.items() for old, names in keys.items() for new in names]
ROWS = {"sampler": SAMPLERS, "pruner": PRUNERS}
VALUES = {"initial_points": False, "qmc_type": "halton", "mutation_prob": 0.2}


def row_with(section: str, option: str) -> str:
    """A row that has the option; any one has `initial_points`."""
    rows = ROWS[section]
    return next(name for name, row in rows.items() if option == "initial_points" or option in row.defaults())


@pytest.mark.parametrize(("section", "old", "new"), OLD)
def test_an_old_key_is_refused_with_its_new_name(tmp_path: Path, section: str, old: str, new: str) -> None:
    name = row_with(section, new)
    with pytest.raises(StudyFileError, match=rf"{section}\.{old}: (.|\n)*Rename it to {new}\."):
        spec_of(tmp_path, **{section: {"name": name, old: VALUES.get(new, 5)}})
    kept: dict[str, Any] = {section: {"name": name, old: VALUES.get(new, 5)}}
    assert with_new_names(kept) == {section: {"name": name, new: VALUES.get(new, 5)}}
    assert old in kept[section]
    spec_of(tmp_path, **with_new_names(kept))


def test_sampler_and_pruner_make_no_other_setup(tmp_path: Path) -> None:
    """So the new names of their options change no fingerprint: a study that an older version began goes on."""
    other = {"sampler": {"name": "nsga2", "population_size": 5, "initial_points": False}}
    pruner = {"pruner": {"name": "percentile", "n_warmup_steps": 2}}
    assert fingerprint(spec_of(tmp_path, **other, **pruner)) == fingerprint(spec_of(tmp_path))

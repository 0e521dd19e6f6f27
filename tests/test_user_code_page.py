"""The examples of `docs/user-code.md` do what the page says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tuner.catalog import add_user_entries, try_user_code, user_references
from tuner.study import read_study_dict, resolve_recipe

PAGE = (Path(__file__).parents[1] / "docs" / "user-code.md").read_text(encoding="utf-8")

VALUES: list[dict[str, Any]] = [
    {"loss": "losses.py:tversky", "loss.losses.py:tversky.alpha": 0.3, "learning_rate": 1e-3},
    {
        "optimizer": "training.py:AdaBelief",
        "optimizer.training.py:AdaBelief.beta_2": 0.99,
        "schedule": "schedules.py:triangular",
        "schedule.schedules.py:triangular.cycles": 2,
        "initializer": "shapes.py:Fixup",
        "initializer.shapes.py:Fixup.factor": 0.5,
        "activation": "shapes.py:bent",
        "learning_rate": 1e-3,
    },
    {"clipping": "clipping.py:adaptive", "clipping.clipping.py:adaptive.factor": 0.1, "learning_rate": 1e-3},
    {
        "loss": "keras.losses:Dice",
        "optimizer": "keras.optimizers:Lamb",
        "activation": "keras.activations:celu",
        "learning_rate": 1e-3,
    },
]


@pytest.mark.slow
def test_the_study_of_the_page_trains_the_code_of_the_page(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    for text in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        name = re.match(r'"""(\w+\.py)"""', text)
        assert name is not None
        (tmp_path / name.group(1)).write_text(text, encoding="utf-8")
    studies = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(studies) == len(VALUES)
    for study, values in zip(studies, VALUES, strict=True):
        recipe = resolve_recipe(read_study_dict(tomllib.loads(study), tmp_path), values, 0)
        assert len(list(user_references(recipe))) == len([name for name in values.values() if ":" in str(name)]) + (
            ":" in recipe.metric
        )
        add_user_entries(tmp_path, recipe)
        try_user_code(recipe)

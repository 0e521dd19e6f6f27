"""The examples of `docs/user-code.md` do what the page says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tuner.catalog import add_user_entries, try_user_code
from tuner.study import read_study_dict, resolve_recipe

PAGE = (Path(__file__).parents[1] / "docs" / "user-code.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_study_of_the_page_trains_the_code_of_the_page(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    for text in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        name = re.match(r'"""(\w+\.py)"""', text)
        assert name is not None
        (tmp_path / name.group(1)).write_text(text, encoding="utf-8")
    (study,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    spec = read_study_dict(tomllib.loads(study), tmp_path)
    values = {"loss": "losses.py:tversky", "loss.losses.py:tversky.alpha": 0.3, "learning_rate": 1e-3}
    recipe = resolve_recipe(spec, values, 0)
    assert recipe.loss.options == {"alpha": 0.3, "beta": 0.5}
    add_user_entries(tmp_path, recipe)
    try_user_code(recipe)

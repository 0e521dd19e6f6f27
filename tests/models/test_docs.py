"""The example in `docs/models.md` does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import numpy as np
import pytest

from tuner import user_code
from tuner.study import read_study
from tuner.user_code import Reference

PAGE = Path(__file__).parents[2] / "docs" / "models.md"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the page's model and study."""
    text = PAGE.read_text(encoding="utf-8")
    for language, place in (("python", "models/amounts.py"), ("toml", "studies/amounts.toml")):
        blocks = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        assert len(blocks) == 1
        (tmp_path / place).parent.mkdir()
        (tmp_path / place).write_text(blocks[0], encoding="utf-8")
    return tmp_path


def test_the_model_gives_amounts(project):
    build = user_code.load(project, Reference("models/amounts.py", "build"))
    model = build((10,), 1, activation="tanh", initializer="he_normal", units=8)
    rows = np.random.default_rng(0).normal(size=(64, 10)).astype("float32")
    answers = keras.ops.convert_to_numpy(model(rows))
    assert answers.shape == (64, 1)
    assert answers.min() > 0


def test_the_study_is_accepted(project):
    spec = read_study(project / "studies" / "amounts.toml")
    assert spec.head == "model"
    assert {dimension.name for dimension in spec.space.searched} == {
        "loss",
        "learning_rate",
        "model.units",
        "model.dropout",
    }


def test_the_table_names_every_keyword_of_every_model():
    page = PAGE.read_text(encoding="utf-8")
    root = PAGE.parents[1]
    for file in user_code.list_files(root, "models"):
        row = re.search(rf"^\| \[`{file.name}`\].*\|(.*)\|$", page, re.MULTILINE)
        assert row is not None, file.name
        keywords = user_code.read_signature(root, Reference(f"models/{file.name}", "build")).keywords
        assert re.findall(r"`(\w+)`", row.group(1)) == [
            name for name in keywords if name not in ("activation", "initializer")
        ]

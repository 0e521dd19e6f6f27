"""The examples of `docs/data.md` read the data that the page speaks of."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tuner.study import read_study_dict

PROJECT = Path(__file__).parents[1]
PAGE = (PROJECT / "docs" / "data.md").read_text(encoding="utf-8")
TOML = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ARRAYS, FUNCTION = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Iterator[Path]:
    """A project with every file that the page names."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(PROJECT / "models", folder / "models", ignore=shutil.ignore_patterns("__pycache__"))
    rng = np.random.default_rng(0)
    rows = 60
    houses = pd.DataFrame({"id": range(rows), "street": [f"street {row}" for row in range(rows)]})
    houses["area"], houses["age"] = rng.uniform(40, 200, rows).round(1), rng.integers(0, 90, rows)
    houses["price"], houses["trust"] = houses["area"] * 3000, rng.uniform(0.5, 1, rows)
    houses.to_csv(folder / "houses.csv", index=False)
    flats = houses.assign(size=["small", "medium", "large"] * (rows // 3), zip=["01067", "80331"] * (rows // 2))
    flats = flats.assign(sold=pd.date_range("2025-01-01", periods=rows).astype(str)).drop(columns="id")
    flats.to_csv(folder / "flats.csv", index=False)
    for name in ("train", "validation", "test"):
        table = pd.DataFrame({"a": rng.normal(size=rows), "label": ["yes", "no"] * (rows // 2)})
        table.to_csv(folder / f"{name}.csv", index=False)
    texts = [" ".join(rng.choice(["good", "bad", "film", "plot", "it", "was"], 9)) for _ in range(rows)]
    reviews = pd.DataFrame({"title": [text[:8] for text in texts], "review": texts, "stars": rng.integers(1, 6, rows)})
    reviews.to_csv(folder / "reviews.csv", index=False)
    for kind in ("rose", "tulip"):
        (folder / "flowers" / kind).mkdir(parents=True)
        for number in range(12):
            pixels = rng.integers(0, 255, (20, 30, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "flowers" / kind / f"{number}.png")
    (folder / "mydata.py").write_text(FUNCTION, encoding="utf-8")
    visits = pd.DataFrame({"visits": rng.integers(0, 9, rows), "churned": ["yes", "no", "no"] * (rows // 3)})
    visits.to_csv(folder / "visits.csv", index=False)
    days = pd.date_range("2025-01-01", periods=rows).astype(str)
    visits.assign(day=days).to_csv(folder / "churn.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec(compile(ARRAYS, "docs/data.md", "exec"), {})
        yield folder


TASKS = (*["regression"] * 4, "multiclass", *["binary"] * 2, "multiclass", *["binary"] * 2, "regression")


@pytest.mark.parametrize(("text", "task"), [*zip(TOML, TASKS, strict=True)])
def test_the_example_reads_its_data(text, task, project):
    spec = read_study_dict({"name": "example", "model": "models/mlp.py", **tomllib.loads(text)}, project)
    assert spec.facts.task == task

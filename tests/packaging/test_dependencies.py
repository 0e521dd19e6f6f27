"""`docs/dependencies.md` says what `setup.cfg` says, and both say what the code imports."""

from __future__ import annotations

import ast
import configparser
import re
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
PAGE = (TREE / "docs" / "dependencies.md").read_text(encoding="utf-8")

DISTRIBUTION = {
    "ai_edge_litert": "ai-edge-litert",
    "PIL": "pillow",
    "pydantic_core": "pydantic",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "mlflow": "mlflow-skinny",
    "optuna_dashboard": "optuna-dashboard",
}
"""Names of distributions that differ from what is imported."""

THROUGH_OTHERS = {"pyarrow", "cmaes", "plotly"}
"""Imported by pandas and Optuna when we ask for Parquet, for the sampler `cmaes`, for a figure."""

BY_NAME = {"scikit-learn"}
"""Imported by a name that a table holds: the built-in data."""

OF_EXTRAS = {"ray", "onnxruntime", "ai-edge-litert", "tensorboard", "mlflow-skinny"}
"""Imported where a person asks for what an extra gives."""


@pytest.fixture(scope="module")
def config() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(TREE / "setup.cfg", encoding="utf-8")
    return parser


def requirements(text: str) -> dict[str, str]:
    """Name → bounds, as the page writes them: "70.1", or "0.17, below 0.18"."""
    found = {}
    for line in filter(None, text.splitlines()):
        parsed = re.fullmatch(r"([\w-]+)(?:\[\w+\])? >= ([\w.]+)(, < ([\w.]+))?", line.strip())
        assert parsed is not None, line
        name, low, _, high = parsed.groups()
        assert name not in found, f"{name} stands in setup.cfg twice"
        found[name] = low if high is None else f"{low}, below {high}"
    return found


def imported() -> set[str]:
    """Top-level names that the package and the models import."""
    names = set()
    for folder in ("tuner", "models"):
        for file in (TREE / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names.add(node.module.partition(".")[0])
    return names


def test_the_page_lists_what_is_installed(config):
    rows = dict(re.findall(r"^\| `([\w-]+)` \| ([\d][^|]*?) \|", PAGE, re.MULTILINE))
    assert rows == requirements(config["options"]["install_requires"])


def test_the_page_lists_the_extras(config):
    rows = set(re.findall(r"^\| `(\w+)` \| `([\w-]+)` \| ([\d][^|]*?) \|", PAGE, re.MULTILINE))
    extras = config["options.extras_require"]
    assert rows == {(extra, *item) for extra in extras for item in requirements(extras[extra]).items()}


def test_everything_imported_is_installed_and_the_other_way_round(config):
    ours = {"tuner"} | set(sys.stdlib_module_names)
    found = {DISTRIBUTION.get(name, name) for name in imported() - ours}
    installed = set(requirements(config["options"]["install_requires"]))
    assert found - installed == OF_EXTRAS
    extras = config["options.extras_require"]
    assert {name for extra in extras for name in requirements(extras[extra])} >= OF_EXTRAS
    assert installed - found <= THROUGH_OTHERS | BY_NAME | {"tensorflow"}  # the back end of Keras

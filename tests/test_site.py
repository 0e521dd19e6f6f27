"""The site of the documentation builds without a warning, and needs no network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs"
MAX_PICTURE_BYTES = 200_000
LOADED = re.compile(
    r"(?:src|srcset)=\"(?:https?:)?//"
    r"|<link (?!rel=\"canonical\")[^>]*href=\"(?:https?:)?//"
    r"|@import|url\(['\"]?(?:https?:)?//"
)
"""What a browser would load from another site."""


@pytest.mark.slow
def test_the_site_builds_strictly_and_loads_nothing_from_elsewhere(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(DOCS), str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = [*tmp_path.rglob("*.html")]
    assert len(pages) >= len([*DOCS.rglob("*.md")])
    for file in [*pages, *tmp_path.rglob("*.css")]:
        found = LOADED.search(file.read_text(encoding="utf-8"))
        assert found is None, f"{file.name} loads {found.group()}"


@pytest.mark.parametrize("file", sorted((DOCS / "pictures").iterdir()), ids=lambda file: file.name)
def test_pictures_are_small_and_shown(file):
    assert file.stat().st_size < MAX_PICTURE_BYTES
    assert any(f"pictures/{file.name}" in page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
